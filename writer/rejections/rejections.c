#include "writer/decide/write.h"
#include "writer/rejections/rejections_priv.h"

#include "common/base/mem.h"
#include "common/postgres/pg_params.h"
#include "common/postgres/pg_pool.h"
#include "common/sql/bookkeeping.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE = 100, PAGE_BYTES = 4 << 20 };

/* --- tasks --------------------------------------------------------------- */

void task_fail(struct task *t, unsigned status, const char *why)
{
	struct buf body = {0};
	buf_str(&body, "{\"error\":");
	buf_json(&body, why, strlen(why));
	buf_str(&body, "}\n");
	admin_answer(t->x, status, &body);
	free(t);
}

struct task *task_new(
    struct rejections *r, struct position at, struct admin_exchange *x)
{
	struct task *t = MEM_NEW(struct task);
	*t = (struct task){.r = r, .x = x, .at = at};
	return t;
}

void task_submit(struct task *t, struct pg_params *c, pg_done done)
{
	const struct pg_query q = pg_params_query(c);
	bool sent = pg_pool_submit(t->r->x->pool, &q, 1, done, t);
	pg_params_free(c);
	if (!sent)
		task_fail(t, 503, pg_pool_error(t->r->x->pool));
}

struct pg_params task_call(const struct pg_statement *s, struct position at)
{
	struct pg_params c = pg_statement_params(s);
	pg_params_int4(&c, at.partition);
	pg_params_int8(&c, at.version);
	return c;
}

/* --- listing ------------------------------------------------------------- */

static void rejections_add_text(
    struct buf *out, const char *name, const PGresult *r, int row, int column)
{
	buf_printf(out, ",\"%s\":", name);
	buf_json(out, PQgetvalue(r, row, column),
	    (size_t)PQgetlength(r, row, column));
}

/* The body as it was in the log: as text, or in hex if it is not valid text. */
static void add_body(struct buf *out, const PGresult *r, int row, int column)
{
	const char *s = PQgetvalue(r, row, column);
	size_t len = (size_t)PQgetlength(r, row, column);
	if (write_is_text(s, len)) {
		rejections_add_text(out, "body", r, row, column);
		return;
	}
	buf_str(out, ",\"body_hex\":\"");
	for (size_t i = 0; i < len; i++)
		buf_printf(out, "%02x", (unsigned)(unsigned char)s[i]);
	buf_char(out, '"');
}

static void add_row(struct buf *out, const PGresult *r, int row)
{
	static const char *const names[] = {
	    "collection", "key", "op", "reason", "detail"};
	char position[POSITION_MAX_LEN];
	const struct position at = {
	    pg_int4(r, row, 0), (version_t)pg_int8(r, row, 1)};
	position_format(at, position);
	buf_printf(out, "%s{\"position\":\"%s\"", row ? "," : "", position);
	for (int i = 0; i < 5; i++)
		rejections_add_text(out, names[i], r, row, 2 + i);
	add_body(out, r, row, 7);
	rejections_add_text(out, "accepted_at", r, row, 8);
	rejections_add_text(out, "rejected_at", r, row, 9);
	buf_char(out, '}');
}

static void on_list(void *arg, const struct pg_reply *reply)
{
	struct task *t = arg;
	struct buf body = {0};
	if (reply->err.kind != ERR_KIND_OK) {
		task_fail(t, 503, reply->err.msg);
		return;
	}
	const PGresult *r = reply->results[0];
	int n = PQntuples(r);
	buf_str(&body, "{\"rejections\":[");
	for (int row = 0; row < n; row++)
		add_row(&body, r, row);
	buf_char(&body, ']');
	if (n > 0 && pg_int8(r, 0, 10) > n)
		buf_printf(&body, ",\"next\":\"%d-%" PRId64 "\"",
		    pg_int4(r, n - 1, 0), pg_int8(r, n - 1, 1));
	buf_str(&body, "}\n");
	admin_answer(t->x, 200, &body);
	free(t);
}

void rejections_list(
    struct rejections *r, const char *collection, struct admin_exchange *x)
{
	struct position after = {-1, 0};
	const char *text = admin_argument(x, "after");
	struct task *t = task_new(r, after, x);
	if (text && !position_parse(text, strlen(text), &after)) {
		task_fail(t, 400, "after: not a position");
		return;
	}
	struct pg_params c = pg_statement_params(&bookkeeping_list_rejections);
	pg_params_text(&c, collection);
	pg_params_int4(&c, after.partition);
	pg_params_int8(&c, after.version);
	pg_params_int8(&c, PAGE);
	pg_params_int8(&c, PAGE_BYTES);
	task_submit(t, &c, on_list);
}

/* --- discarding ---------------------------------------------------------- */

static void on_discarded(void *arg, const struct pg_reply *reply)
{
	struct task *t = arg;
	struct buf body = {0};
	if (reply->err.kind != ERR_KIND_OK) {
		task_fail(t, 503, reply->err.msg);
	} else if (PQntuples(reply->results[0]) == 0) {
		task_fail(
		    t, 404, "there is no rejection to repair at this position");
	} else {
		buf_str(&body, "{\"state\":\"discarded\"}\n");
		admin_answer(t->x, 200, &body);
		free(t);
	}
}

void rejections_discard(
    struct rejections *r, struct position at, struct admin_exchange *x)
{
	struct pg_params c = task_call(&bookkeeping_discard_rejection, at);
	task_submit(task_new(r, at, x), &c, on_discarded);
}

/* --- life ---------------------------------------------------------------- */

struct rejections *rejections_new(struct context *x)
{
	struct rejections *r = MEM_NEW(struct rejections);
	r->x = x;
	return r;
}

void rejections_close(struct rejections *r)
{
	if (r && r->producer)
		producer_free(&r->producer, CLOCK_S(1));
}

void rejections_free(struct rejections **rp)
{
	free(*rp);
	*rp = NULL;
}
