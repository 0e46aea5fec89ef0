/* Four checks, in this order, because each needs the result of the one before:
 *
 *   producers     is the record a copy? Then it has no effect at all.
 *   idempotency   is it a retry of another write? Then it is not applied.
 *   the log       was it refused when it was read, or by Postgres?
 *   the fold      what does it do to its row?
 */
#include "writer/decide/verdicts.h"

#include "common/base/check.h"
#include "common/base/mem.h"

#include <stdlib.h>
#include <string.h>

static void verdicts_judge(struct verdicts *v, const struct dedup *producers,
    const struct prefetch *lookup)
{
	dedup_judge(producers, v->writes, v->n, v->copies, &v->next);
	size_t nknown = 0;
	const struct idempotency_record *known =
	    lookup ? prefetch_records(lookup, &nknown) : NULL;
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

static void fold(struct verdicts *v, const struct prefetch *lookup)
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
		struct fold_row row = prefetch_row(lookup, c);
		fold_decide(&v->fold, c, &row);
	}
}

static struct jsonslice verdicts_keep(
    struct verdicts *v, const char *s, size_t len)
{
	return s && write_is_text(s, len) ? arena_keep(&v->fold.arena, s, len)
					  : (struct jsonslice){0};
}

/* Copies: the lookup is freed before the batch is announced. */
static struct record_why first_of(struct verdicts *v, size_t i)
{
	const struct idempotency_verdict *k = &v->keys[i];
	const struct idempotency_record *r = k->record;
	struct record_why why = {.has_first = true};
	if (k->told) {
		why.first = k->told->first;
		why.outcome =
		    verdicts_keep(v, k->told->outcome.s, k->told->outcome.len);
		why.key = verdicts_keep(v, k->told->key.s, k->told->key.len);
	} else if (r) {
		why.first = r->first;
		why.outcome = verdicts_keep(v, r->outcome, r->outcome_len);
		why.key = verdicts_keep(v, r->row_key.s, r->row_key.len);
	} else {
		const struct write *first = &v->writes[k->first];
		const char *outcome = verdicts_outcome(v, k->first);
		why.first = (struct position){v->partition, first->version};
		why.outcome = verdicts_keep(v, outcome, strlen(outcome));
		why.key = verdicts_keep(v, first->key, first->key_len);
	}
	return why;
}

static void find_firsts(struct verdicts *v)
{
	if (v->nreplays == 0)
		return;
	v->replays = mem_zalloc(v->n * sizeof *v->replays);
	for (size_t i = 0; i < v->n; i++) {
		if (v->keys[i].role == IDEMPOTENCY_REPLAY)
			v->replays[i] = first_of(v, i);
	}
}

void verdicts_init(struct verdicts *v, int32_t partition,
    const struct write *writes, size_t n, const struct dedup *producers,
    const struct prefetch *lookup)
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
	verdicts_judge(v, producers, lookup);
	fold(v, lookup);
	find_firsts(v);
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

/* The detail, cut to what a mark has room for, in whole characters. */
static struct jsonslice short_detail(const struct verdicts *v, size_t i)
{
	enum { MOST = 300 };
	const char *s = verdicts_detail(v, i);
	size_t len = strlen(s);
	if (len == 0 || !write_is_text(s, len))
		return (struct jsonslice){0};
	while (len > MOST || ((unsigned char)s[len] & 0xc0) == 0x80)
		len--;
	return (struct jsonslice){s, len};
}

static struct record_rejection reject(
    const struct verdicts *v, size_t i, enum reason reason)
{
	struct record_rejection r = {
	    .version = v->writes[i].version, .reason = reason};
	if (reason == REASON_REPLAYED)
		r.why = v->replays[i];
	else
		r.why.detail = short_detail(v, i);
	return r;
}

static bool is_as_told(const struct write *w, enum reason reason)
{
	return w->announced != ANNOUNCED_ACCEPTED || reason == REASON_NONE;
}

void verdicts_collect(struct verdicts *v)
{
	v->nrejected = 0;
	v->anew = false;
	for (size_t i = 0; i < v->n; i++) {
		enum reason reason = verdicts_reason(v, i);
		v->anew = v->anew || !is_as_told(&v->writes[i], reason);
		if (reason != REASON_NONE)
			v->rejected[v->nrejected++] = reject(v, i, reason);
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
	dedup_free(&v->next);
	free(v->out);
	free(v->copies);
	free(v->keys);
	free(v->firsts);
	free(v->folded);
	free(v->rejected);
	free(v->replays);
	*v = (struct verdicts){0};
}
