/* Four judges, in this order, because each needs what the one before said:
 *
 *   producers     was the record there before? Then it has no effect at all.
 *   idempotency   is it a retry of another write? Then it is not applied.
 *   the log       was it refused when it was read, or by Postgres?
 *   the fold      what does it do to its row?
 */
#include "writer/verdicts.h"

#include "common/check.h"
#include "common/mem.h"

#include <stdlib.h>

static void judge(struct verdicts *v, const struct producers *producers,
    const struct lookup *lookup)
{
	producers_judge(producers, v->writes, v->n, v->copies, &v->next);
	size_t nknown = 0;
	const struct idempotency_record *known =
	    lookup ? lookup_records(lookup, &nknown) : NULL;
	v->nfirsts = idempotency_judge(
	    v->writes, v->n, v->copies, known, nknown, v->keys, v->firsts);
	for (size_t i = 0; i < v->n; i++) {
		enum idempotency_role role = v->keys[i].role;
		v->out[i] = v->copies[i] || role == IDEMPOTENCY_REPLAY ||
			    role == IDEMPOTENCY_REUSED;
		v->ncopies += v->copies[i];
		v->nreplays += role == IDEMPOTENCY_REPLAY;
	}
}

static void fold(struct verdicts *v, const struct lookup *lookup)
{
	fold_init(&v->fold, v->writes, v->n, v->out);
	for (size_t i = 0, k = 0; i < v->fold.n; i++) {
		struct fold_change *c = &v->fold.changes[i];
		for (size_t j = 0; j < c->nwrites; j++, k++)
			v->folded[c->writes[j] - v->writes] = &c->verdicts[j];
		if (!c->reads) {
			fold_settle(c, true);
			continue;
		}
		CHECK(lookup != NULL);
		struct fold_row row = lookup_row(lookup, c);
		fold_decide(&v->fold, c, &row);
	}
}

void verdicts_init(struct verdicts *v, int32_t partition,
    const struct write *writes, size_t n, const struct producers *producers,
    const struct lookup *lookup)
{
	*v = (struct verdicts){
	    .partition = partition,
	    .writes = writes,
	    .n = n,
	    .out = mem_zalloc(n * sizeof *v->out),
	    .copies = mem_zalloc(n * sizeof *v->copies),
	    .keys = mem_zalloc(n * sizeof *v->keys),
	    .firsts = mem_zalloc(n * sizeof *v->firsts),
	    .folded = mem_zalloc(n * sizeof *v->folded),
	    .rejected = mem_zalloc(n * sizeof *v->rejected),
	};
	judge(v, producers, lookup);
	fold(v, lookup);
	verdicts_collect(v);
}

enum reason verdicts_reason(const struct verdicts *v, size_t i)
{
	if (v->copies[i])
		return REASON_NONE;
	if (v->keys[i].role == IDEMPOTENCY_REPLAY)
		return REASON_REPLAYED;
	if (v->keys[i].role == IDEMPOTENCY_REUSED)
		return REASON_KEY_REUSED;
	if (v->folded[i])
		return v->folded[i]->reason;
	return v->writes[i].refused;
}

const char *verdicts_detail(const struct verdicts *v, size_t i)
{
	const struct write *w = &v->writes[i];
	const char *detail = NULL;
	if (v->folded[i])
		detail = v->folded[i]->detail;
	else if (verdicts_reason(v, i) == w->refused)
		detail = w->detail;
	return detail ? detail : "";
}

void verdicts_collect(struct verdicts *v)
{
	v->nrejected = 0;
	for (size_t i = 0; i < v->n; i++) {
		enum reason reason = verdicts_reason(v, i);
		if (reason != REASON_NONE)
			v->rejected[v->nrejected++] = (struct record_rejection){
			    v->writes[i].version, reason};
	}
}

const char *verdicts_outcome(const struct verdicts *v, size_t i)
{
	CHECK(!v->out[i]);
	enum reason reason = verdicts_reason(v, i);
	if (reason != REASON_NONE)
		return reason_row(reason)->name;
	switch (v->folded[i]->outcome) {
	case OUTCOME_CREATED:
		return "created";
	case OUTCOME_REPLACED:
		return "replaced";
	case OUTCOME_DELETED:
		return "deleted";
	case OUTCOME_REJECTED:
		break;
	}
	UNREACHABLE("a rejection without a reason");
}

void verdicts_free(struct verdicts *v)
{
	fold_free(&v->fold);
	producers_free(&v->next);
	free(v->out);
	free(v->copies);
	free(v->keys);
	free(v->firsts);
	free(v->folded);
	free(v->rejected);
	*v = (struct verdicts){0};
}
