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

/* The verdicts of all slices. */
struct all {
	const struct verdicts *const *slices;
	size_t n;
};

/* --- rejections ---------------------------------------------------------- */

static void add_rejected(
    struct pg_params *c, const struct verdicts *v, size_t i)
{
	const struct write *w = &v->writes[i];
	const char *detail = verdicts_detail(v, i);
	const char *key = w->collection ? w->key : w->id;
	size_t key_len = w->collection ? w->key_len : w->id_len;
	pg_array_int4(&c->params[0], v->partition);
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

static void add_rejected_of(struct pg_params *c, const struct verdicts *v)
{
	for (size_t i = 0; i < v->n; i++) {
		if (verdicts_reason(v, i) != REASON_NONE)
			add_rejected(c, v, i);
	}
}

static bool note_rejections(const struct all *a, struct pg_params *c)
{
	static const Oid types[] = {PG_INT4, PG_INT8, PG_TEXT, PG_TEXT, PG_TEXT,
	    PG_TEXT, PG_TEXT, 17 /* bytea */, PG_INT8};
	size_t rows = 0;
	for (size_t k = 0; k < a->n; k++)
		rows += a->slices[k]->nrejected;
	if (rows == 0)
		return false;
	c->sql = bookkeeping_reject.sql;
	side_writes_begin(c, types, sizeof types / sizeof *types, rows);
	for (size_t k = 0; k < a->n; k++)
		add_rejected_of(c, a->slices[k]);
	return true;
}

/* --- idempotency --------------------------------------------------------- */

static void add_key(struct pg_params *c, const struct verdicts *v, size_t i)
{
	const struct write *w = &v->writes[i];
	pg_array_text(
	    &c->params[0], w->said.idempotency_key, w->said.idempotency_len);
	pg_array_int8(&c->params[1], (int64_t)w->said.fingerprint);
	pg_array_int4(&c->params[2], v->partition);
	pg_array_int8(&c->params[3], (int64_t)w->version);
	side_writes_put(&c->params[4], verdicts_outcome(v, i));
	put_text(&c->params[5], w->key, w->key_len);
}

static bool note_keys(const struct all *a, struct pg_params *c)
{
	static const Oid types[] = {
	    PG_TEXT, PG_INT8, PG_INT4, PG_INT8, PG_TEXT, PG_TEXT};
	size_t rows = 0;
	for (size_t k = 0; k < a->n; k++)
		rows += a->slices[k]->nfirsts;
	if (rows == 0)
		return false;
	c->sql = bookkeeping_remember.sql;
	side_writes_begin(c, types, sizeof types / sizeof *types, rows);
	for (size_t k = 0; k < a->n; k++) {
		const struct verdicts *v = a->slices[k];
		for (size_t i = 0; i < v->nfirsts; i++)
			add_key(c, v, v->firsts[i]);
	}
	return true;
}

static size_t count_announced(const struct verdicts *v)
{
	size_t n = 0;
	for (size_t i = 0; i < v->nfirsts; i++)
		n += v->writes[v->firsts[i]].announced != ANNOUNCED_NOT;
	return n;
}

static void add_forgotten(struct pg_params *c, const struct verdicts *v)
{
	for (size_t i = 0; i < v->nfirsts; i++) {
		const struct write *w = &v->writes[v->firsts[i]];
		if (w->announced != ANNOUNCED_NOT)
			pg_array_text(&c->params[0], w->said.idempotency_key,
			    w->said.idempotency_len);
	}
}

/* Before the keys of announced first writes are stored, older rows of these
 * keys are deleted: another partition may be further than it was then, or the
 * stored key may be older. */
static bool note_forgotten(const struct all *a, struct pg_params *c)
{
	static const Oid types[] = {PG_TEXT};
	size_t rows = 0;
	for (size_t k = 0; k < a->n; k++)
		rows += count_announced(a->slices[k]);
	if (rows == 0)
		return false;
	c->sql = bookkeeping_forget.sql;
	side_writes_begin(c, types, 1, rows);
	for (size_t k = 0; k < a->n; k++)
		add_forgotten(c, a->slices[k]);
	return true;
}

static void add_replay(const struct verdicts *v, size_t i, struct pg_params *c)
{
	const struct record_first *first = &v->replays[i];
	pg_array_int4(&c->params[0], v->partition);
	pg_array_int8(&c->params[1], (int64_t)v->writes[i].version);
	pg_array_int4(&c->params[2], first->position.partition);
	pg_array_int8(&c->params[3], (int64_t)first->position.version);
	put_text(&c->params[4], first->outcome.s, first->outcome.len);
	put_text(&c->params[5], first->key.s, first->key.len);
}

static bool note_replays(const struct all *a, struct pg_params *c)
{
	static const Oid types[] = {
	    PG_INT4, PG_INT8, PG_INT4, PG_INT8, PG_TEXT, PG_TEXT};
	size_t rows = 0;
	for (size_t k = 0; k < a->n; k++)
		rows += a->slices[k]->nreplays;
	if (rows == 0)
		return false;
	c->sql = bookkeeping_replay.sql;
	side_writes_begin(c, types, sizeof types / sizeof *types, rows);
	for (size_t k = 0; k < a->n; k++) {
		const struct verdicts *v = a->slices[k];
		for (size_t i = 0; i < v->n; i++) {
			if (verdicts_replayed(v, i))
				add_replay(v, i, c);
		}
	}
	return true;
}

/* --- producers ----------------------------------------------------------- */

static bool note_producers(const struct all *a, struct pg_params *c)
{
	static const Oid types[] = {PG_INT4, PG_TEXT, PG_INT8};
	size_t rows = 0;
	for (size_t k = 0; k < a->n; k++)
		rows += a->slices[k]->next.n;
	if (rows == 0)
		return false;
	c->sql = bookkeeping_note_producers.sql;
	side_writes_begin(c, types, sizeof types / sizeof *types, rows);
	for (size_t k = 0; k < a->n; k++) {
		const struct verdicts *v = a->slices[k];
		for (size_t i = 0; i < v->next.n; i++) {
			pg_array_int4(&c->params[0], v->partition);
			side_writes_put(&c->params[1], v->next.all[i].instance);
			pg_array_int8(
			    &c->params[2], (int64_t)v->next.all[i].seq);
		}
	}
	return true;
}

static bool has_order(const struct verdicts *v)
{
	for (size_t i = 0; i < v->n; i++) {
		if (v->writes[i].refused == REASON_OPERATOR)
			return true;
	}
	return false;
}

static bool note_orders(const struct all *a, struct pg_params *c)
{
	static const Oid types[] = {PG_INT4, PG_INT8};
	size_t rows = 0;
	for (size_t k = 0; k < a->n; k++)
		rows += has_order(a->slices[k]);
	if (rows == 0)
		return false;
	c->sql = bookkeeping_obeyed.sql;
	side_writes_begin(c, types, sizeof types / sizeof *types, rows);
	for (size_t k = 0; k < a->n; k++) {
		const struct verdicts *v = a->slices[k];
		if (!has_order(v))
			continue;
		pg_array_int4(&c->params[0], v->partition);
		pg_array_int8(
		    &c->params[1], (int64_t)v->writes[v->n - 1].version);
	}
	return true;
}

size_t side_writes_make(const struct verdicts *const *slices, size_t n,
    struct pg_params calls[SIDE_WRITES_MAX])
{
	const struct all a = {slices, n};
	size_t used = 0;
	used += note_rejections(&a, &calls[used]);
	used += note_forgotten(&a, &calls[used]);
	used += note_keys(&a, &calls[used]);
	used += note_replays(&a, &calls[used]);
	used += note_producers(&a, &calls[used]);
	used += note_orders(&a, &calls[used]);
	CHECK(used <= SIDE_WRITES_MAX);
	return used;
}
