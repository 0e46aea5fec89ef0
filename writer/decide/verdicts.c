/* Four checks, in this order, because each needs the result of the one before:
 *
 *   producers     is the record a copy? Then it has no effect at all.
 *   idempotency   is it a retry of another write? Then it is not applied.
 *   the log       was it refused when it was read, or by Postgres?
 *   the fold      what does it do to its row?
 *
 * No other write of the slice has a key that an atomic batch has (judges.h). So
 * the fold decides each of its operations against the rows before the atomic
 * batch. If one of them is rejected, the atomic batch is, for the reason of the
 * first of them, and the fold is made again without it. So nothing of it
 * reaches Postgres.
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

/* The write of the slice that w is, or that w is an operation of. */
static size_t index_of(const struct verdicts *v, const struct write *w)
{
	size_t low = 0, high = v->n;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (v->writes[mid].version < w->version)
			low = mid + 1;
		else
			high = mid;
	}
	CHECK(low < v->n && v->writes[low].version == w->version);
	return low;
}

/* By write: the first operation of the atomic batch that is rejected; NULL:
 * none. Returns owned. */
static const struct fold_change **rejected_operations(const struct verdicts *v)
{
	const struct fold_change **first = mem_zalloc(v->n * sizeof *first);
	for (size_t i = 0; i < v->fold.n; i++) {
		const struct fold_change *c = &v->fold.changes[i];
		const struct write *w = c->writes[0];
		if (!w->part)
			continue;
		CHECK(c->nwrites == 1);
		const struct fold_change **at = &first[index_of(v, w)];
		if (c->verdicts[0].outcome == OUTCOME_REJECTED &&
		    (*at == NULL || w < (*at)->writes[0]))
			*at = c;
	}
	return first;
}

/* The atomic batches that have a rejected operation are not folded. */
static void fold_without(
    struct verdicts *v, const bool *out, const struct prefetch *lookup)
{
	fold_free(&v->fold);
	fold_init(&v->fold, v->writes, v->n, out);
	decide_all(v, lookup);
}

/* The verdicts of the atomic batches. */
static void join(struct verdicts *v, const struct prefetch *lookup)
{
	const struct fold_change **first = rejected_operations(v);
	struct buf *texts = mem_zalloc(v->n * sizeof *texts);
	bool *out = mem_dup(v->out, v->n * sizeof *out);
	bool any = false;
	v->joint = mem_zalloc(v->n * sizeof *v->joint);
	for (size_t i = 0; i < v->n; i++) {
		const struct fold_change *c = first[i];
		v->joint[i].outcome = OUTCOME_REPLACED;
		if (c == NULL)
			continue;
		v->joint[i] = c->verdicts[0];
		operations_detail(&texts[i],
		    (size_t)(c->writes[0] - v->writes[i].operations),
		    c->verdicts[0].detail ? c->verdicts[0].detail : "");
		out[i] = any = true;
	}
	if (any)
		fold_without(v, out, lookup);
	for (size_t i = 0; i < v->n; i++) {
		if (first[i])
			v->joint[i].detail = arena_keep(
			    &v->fold.arena, texts[i].data, texts[i].len)
						 .s;
		buf_free(&texts[i]);
	}
	free(out);
	free(texts);
	free(first);
}

static void fold(struct verdicts *v, const struct prefetch *lookup)
{
	fold_init(&v->fold, v->writes, v->n, v->out);
	decide_all(v, lookup);
	if (write_any_atomic(v->writes, v->n))
		join(v, lookup);
	for (size_t i = 0; i < v->fold.n; i++) {
		struct fold_change *c = &v->fold.changes[i];
		for (size_t j = 0; j < c->nwrites && !c->writes[j]->part; j++)
			v->folded[c->writes[j] - v->writes] = &c->verdicts[j];
	}
	for (size_t i = 0; v->joint && i < v->n; i++) {
		const struct write *w = &v->writes[i];
		if (w->noperations && w->refused == REASON_NONE && !v->out[i])
			v->folded[i] = &v->joint[i];
	}
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
	free(v->joint);
	free(v->said);
	free(v->replays);
	*v = (struct verdicts){0};
}
