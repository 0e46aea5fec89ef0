/* Four checks, in this order, because each needs the result of the one before:
 *
 *   producers     is the record a copy? Then it has no effect at all.
 *   idempotency   is it a retry of another write? Then it is not applied.
 *   the log       was it refused when it was read, or by Postgres?
 *   the fold      what does it do to its row?
 *
 * An atomic batch is alone in its slice (writer/batch/partition.c). The fold
 * decides each of its operations against the rows before the batch. If one of
 * them is rejected, the batch is, for the reason of the first of them, and the
 * fold is made again without it. So nothing of it reaches Postgres.
 */
#include "writer/decide/verdicts.h"

#include "common/base/check.h"
#include "common/base/mem.h"
#include "common/log/operations.h"

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

static void decide_all(struct verdicts *v, const struct prefetch *lookup)
{
	for (size_t i = 0; i < v->fold.n; i++) {
		struct fold_change *c = &v->fold.changes[i];
		if (!c->reads) {
			fold_settle(c, true);
			continue;
		}
		CHECK(lookup != NULL);
		struct fold_row row = prefetch_row(lookup, c);
		fold_decide(&v->fold, c, &row);
	}
}

/* The first operation of the batch that is rejected; NULL: none. */
static const struct fold_change *first_rejected(const struct verdicts *v)
{
	const struct fold_change *first = NULL;
	for (size_t i = 0; i < v->fold.n; i++) {
		const struct fold_change *c = &v->fold.changes[i];
		CHECK(c->nwrites == 1);
		if (c->verdicts[0].outcome == OUTCOME_REJECTED &&
		    (first == NULL || c->writes[0] < first->writes[0]))
			first = c;
	}
	return first;
}

static void fold_batch(struct verdicts *v, const struct prefetch *lookup)
{
	static const bool out[] = {true};
	const struct fold_change *rejected;
	CHECK(v->n == 1);
	decide_all(v, lookup);
	if (v->fold.n == 0)
		return;
	v->folded[0] = &v->joint;
	v->joint = (struct fold_verdict){.outcome = OUTCOME_REPLACED};
	rejected = first_rejected(v);
	if (rejected == NULL)
		return;
	struct buf text = {0};
	const struct fold_verdict *verdict = rejected->verdicts;
	v->joint = *verdict;
	operations_detail(&text,
	    (size_t)(rejected->writes[0] - v->writes[0].operations),
	    verdict->detail ? verdict->detail : "");
	fold_free(&v->fold);
	fold_init(&v->fold, v->writes, 1, out);
	v->joint.detail = arena_keep(&v->fold.arena, text.data, text.len).s;
	buf_free(&text);
}

static void fold(struct verdicts *v, const struct prefetch *lookup)
{
	fold_init(&v->fold, v->writes, v->n, v->out);
	if (v->n > 0 && v->writes[0].noperations) {
		fold_batch(v, lookup);
		return;
	}
	for (size_t i = 0; i < v->fold.n; i++) {
		struct fold_change *c = &v->fold.changes[i];
		for (size_t j = 0; j < c->nwrites; j++)
			v->folded[c->writes[j] - v->writes] = &c->verdicts[j];
	}
	decide_all(v, lookup);
}

static struct jsonslice verdicts_keep(
    struct verdicts *v, const char *s, size_t len)
{
	return s && write_is_text(s, len) ? arena_keep(&v->fold.arena, s, len)
					  : (struct jsonslice){0};
}

/* Copies: the lookup is freed before the batch is announced. */
static struct record_first first_of(struct verdicts *v, size_t i)
{
	const struct idempotency_verdict *k = &v->keys[i];
	const struct idempotency_record *r = k->record;
	struct record_first first = {.has_position = true};
	if (k->told) {
		const struct record_first *told = k->told;
		first.position = told->position;
		first.outcome =
		    verdicts_keep(v, told->outcome.s, told->outcome.len);
		first.key = verdicts_keep(v, told->key.s, told->key.len);
	} else if (r) {
		first.position = r->first;
		first.outcome = verdicts_keep(v, r->outcome, r->outcome_len);
		first.key = verdicts_keep(v, r->row_key.s, r->row_key.len);
	} else {
		const struct write *w = &v->writes[k->first];
		const char *outcome = verdicts_outcome(v, k->first);
		first.position = (struct position){v->partition, w->version};
		first.outcome = verdicts_keep(v, outcome, strlen(outcome));
		first.key = verdicts_keep(v, w->key, w->key_len);
	}
	return first;
}

static void find_firsts(struct verdicts *v)
{
	if (v->nreplays == 0)
		return;
	v->replays = mem_zalloc(v->n * sizeof *v->replays);
	for (size_t i = 0; i < v->n; i++) {
		if (verdicts_replayed(v, i))
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
	    .said = mem_zalloc(n * sizeof *v->said),
	};
	verdicts_judge(v, producers, lookup);
	fold(v, lookup);
	find_firsts(v);
	verdicts_collect(v);
}

bool verdicts_replayed(const struct verdicts *v, size_t i)
{
	return v->keys[i].role == IDEMPOTENCY_REPLAY;
}

enum reason verdicts_reason(const struct verdicts *v, size_t i)
{
	if (v->copies[i] || verdicts_replayed(v, i))
		return REASON_NONE;
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

static void say_rejected(struct verdicts *v, size_t i)
{
	v->said[v->nsaid++] = (struct record_verdict){
	    .version = v->writes[i].version,
	    .reason = verdicts_reason(v, i),
	    .detail = short_detail(v, i),
	};
	v->nrejected++;
}

static void say_replayed(struct verdicts *v, size_t i)
{
	v->said[v->nsaid++] = (struct record_verdict){
	    .version = v->writes[i].version,
	    .replayed = true,
	    .first = v->replays[i],
	};
}

void verdicts_collect(struct verdicts *v)
{
	v->nsaid = v->nrejected = 0;
	v->anew = false;
	for (size_t i = 0; i < v->n; i++) {
		size_t before = v->nsaid;
		if (verdicts_replayed(v, i))
			say_replayed(v, i);
		else if (verdicts_reason(v, i) != REASON_NONE)
			say_rejected(v, i);
		bool accepted = v->nsaid == before;
		/* What a touch took before is not known to be the row of now.
		 */
		bool same = accepted && v->writes[i].op != RECORD_TOUCH;
		v->anew =
		    v->anew ||
		    (v->writes[i].announced == ANNOUNCED_ACCEPTED && !same);
	}
}

const char *verdicts_outcome(const struct verdicts *v, size_t i)
{
	CHECK(!v->out[i]);
	enum reason reason = verdicts_reason(v, i);
	return outcome_name(
	    reason ? OUTCOME_REJECTED : v->folded[i]->outcome, reason);
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
	free(v->said);
	free(v->replays);
	*v = (struct verdicts){0};
}
