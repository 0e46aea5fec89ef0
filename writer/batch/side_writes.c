#include "writer/batch/side_writes.h"

#include "common/base/check.h"
#include "common/sql/bookkeeping.h"

#include <string.h>

static void side_writes_begin(
    struct pg_params *c, const Oid *types, size_t n, size_t rows)
{
	for (size_t i = 0; i < n; i++)
		pg_array_begin(pg_params_param(c), types[i], rows);
}

static void side_writes_put(struct buf *array, const char *s)
{
	pg_array_text(array, s, strlen(s));
}

/* A key that is not valid text cannot be stored as text. */
static void put_text(struct buf *array, const char *s, size_t len)
{
	if (s && len && write_is_text(s, len))
		pg_array_text(array, s, len);
	else
		pg_array_text(array, "", 0);
}

/* --- rejections ---------------------------------------------------------- */

static void add_rejected(
    struct pg_params *c, const struct verdicts *v, size_t i)
{
	const struct write *w = &v->writes[i];
	const char *detail = verdicts_detail(v, i);
	const char *key = w->collection ? w->key : w->id;
	size_t key_len = w->collection ? w->key_len : w->id_len;
	pg_array_int8(&c->params[1], (int64_t)w->version);
	side_writes_put(
	    &c->params[2], w->collection ? w->collection->name : "");
	put_text(&c->params[3], key, key_len);
	side_writes_put(
	    &c->params[4], w->has_op ? record_op_name(w->op) : "unknown");
	side_writes_put(&c->params[5], reason_row(verdicts_reason(v, i))->name);
	put_text(&c->params[6], detail, strlen(detail));
	pg_array_text(&c->params[7], w->body, w->body_len);
	pg_array_int8(&c->params[8], w->accepted_at);
}

static bool note_rejections(const struct verdicts *v, struct pg_params *c)
{
	static const Oid types[] = {PG_INT8, PG_TEXT, PG_TEXT, PG_TEXT, PG_TEXT,
	    PG_TEXT, 17 /* bytea */, PG_INT8};
	size_t rows = v->nrejected - v->nreplays;
	if (rows == 0)
		return false;
	c->sql = bookkeeping_reject.sql;
	pg_params_int4(c, v->partition);
	side_writes_begin(c, types, sizeof types / sizeof *types, rows);
	for (size_t i = 0; i < v->n; i++) {
		enum reason reason = verdicts_reason(v, i);
		if (reason != REASON_NONE && reason != REASON_REPLAYED)
			add_rejected(c, v, i);
	}
	return true;
}

/* --- idempotency --------------------------------------------------------- */

static bool note_keys(const struct verdicts *v, struct pg_params *c)
{
	if (v->nfirsts == 0)
		return false;
	c->sql = bookkeeping_remember.sql;
	struct buf *keys = pg_params_param(c), *prints = pg_params_param(c);
	pg_params_int4(c, v->partition);
	struct buf *versions = pg_params_param(c),
		   *outcomes = pg_params_param(c);
	struct buf *row_keys = pg_params_param(c);
	pg_array_begin(keys, PG_TEXT, v->nfirsts);
	pg_array_begin(prints, PG_INT8, v->nfirsts);
	pg_array_begin(versions, PG_INT8, v->nfirsts);
	pg_array_begin(outcomes, PG_TEXT, v->nfirsts);
	pg_array_begin(row_keys, PG_TEXT, v->nfirsts);
	for (size_t i = 0; i < v->nfirsts; i++) {
		const struct write *w = &v->writes[v->firsts[i]];
		pg_array_text(
		    keys, w->said.idempotency_key, w->said.idempotency_len);
		pg_array_int8(prints, (int64_t)w->said.fingerprint);
		pg_array_int8(versions, (int64_t)w->version);
		side_writes_put(outcomes, verdicts_outcome(v, v->firsts[i]));
		put_text(row_keys, w->key, w->key_len);
	}
	return true;
}

/* Before the keys of announced first writes are stored, older rows of these
 * keys are deleted: another partition may be further than it was then, or the
 * stored key may be older. */
static bool note_forgotten(const struct verdicts *v, struct pg_params *c)
{
	size_t n = 0;
	for (size_t i = 0; i < v->nfirsts; i++)
		n += v->writes[v->firsts[i]].announced != ANNOUNCED_NOT;
	if (n == 0)
		return false;
	c->sql = bookkeeping_forget.sql;
	struct buf *keys = pg_params_param(c);
	pg_array_begin(keys, PG_TEXT, n);
	for (size_t i = 0; i < v->nfirsts; i++) {
		const struct write *w = &v->writes[v->firsts[i]];
		if (w->announced != ANNOUNCED_NOT)
			pg_array_text(keys, w->said.idempotency_key,
			    w->said.idempotency_len);
	}
	return true;
}

static void add_replay(const struct verdicts *v, size_t i, struct pg_params *c)
{
	const struct record_why *why = &v->replays[i];
	pg_array_int8(&c->params[1], (int64_t)v->writes[i].version);
	pg_array_int4(&c->params[2], why->first.partition);
	pg_array_int8(&c->params[3], (int64_t)why->first.version);
	put_text(&c->params[4], why->outcome.s, why->outcome.len);
	put_text(&c->params[5], why->key.s, why->key.len);
}

static bool note_replays(const struct verdicts *v, struct pg_params *c)
{
	static const Oid types[] = {
	    PG_INT8, PG_INT4, PG_INT8, PG_TEXT, PG_TEXT};
	if (v->nreplays == 0)
		return false;
	c->sql = bookkeeping_replay.sql;
	pg_params_int4(c, v->partition);
	side_writes_begin(c, types, sizeof types / sizeof *types, v->nreplays);
	for (size_t i = 0; i < v->n; i++) {
		if (v->keys[i].role == IDEMPOTENCY_REPLAY)
			add_replay(v, i, c);
	}
	return true;
}

/* --- producers ----------------------------------------------------------- */

static bool note_producers(const struct verdicts *v, struct pg_params *c)
{
	size_t n = v->next.n;
	if (n == 0)
		return false;
	c->sql = bookkeeping_note_producers.sql;
	pg_params_int4(c, v->partition);
	struct buf *instances = pg_params_param(c),
		   *numbers = pg_params_param(c);
	pg_array_begin(instances, PG_TEXT, n);
	pg_array_begin(numbers, PG_INT8, n);
	for (size_t i = 0; i < n; i++) {
		side_writes_put(instances, v->next.all[i].instance);
		pg_array_int8(numbers, (int64_t)v->next.all[i].seq);
	}
	return true;
}

static bool note_orders(const struct verdicts *v, struct pg_params *c)
{
	bool any = false;
	for (size_t i = 0; i < v->n; i++)
		any = any || v->writes[i].refused == REASON_OPERATOR;
	if (!any)
		return false;
	c->sql = bookkeeping_obeyed.sql;
	pg_params_int4(c, v->partition);
	pg_params_int8(c, v->writes[v->n - 1].version);
	return true;
}

size_t side_writes_make(
    const struct verdicts *v, struct pg_params calls[SIDE_WRITES_MAX])
{
	size_t n = 0;
	n += note_rejections(v, &calls[n]);
	n += note_forgotten(v, &calls[n]);
	n += note_keys(v, &calls[n]);
	n += note_replays(v, &calls[n]);
	n += note_producers(v, &calls[n]);
	n += note_orders(v, &calls[n]);
	CHECK(n <= SIDE_WRITES_MAX);
	return n;
}
