#include "writer/rejections/orders.h"

#include "writer/core/context.h"

#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/postgres/pg_binary.h"
#include "common/postgres/pg_params.h"
#include "common/postgres/pg_pool.h"
#include "common/sql/bookkeeping.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct orders {
	struct context *x;
	struct position *all;
	size_t n;
};

/* One request, until it is answered. */
struct task {
	struct orders *o;
	struct admin_exchange *x;
	struct position at;
};

struct orders *orders_new(struct context *x)
{
	struct orders *o = MEM_NEW(struct orders);
	o->x = x;
	return o;
}

void orders_free(struct orders **op)
{
	struct orders *o = *op;
	if (o == NULL)
		return;
	free(o->all);
	free(o);
	*op = NULL;
}

/* --- what is ordered ----------------------------------------------------- */

bool orders_has(const struct orders *o, int32_t partition, version_t version)
{
	for (size_t i = 0; i < o->n; i++) {
		if (o->all[i].partition == partition &&
		    o->all[i].version == version)
			return true;
	}
	return false;
}

bool orders_read(struct orders *o, const PGresult *r)
{
	struct orders before = *o;
	bool any = false;
	o->n = (size_t)PQntuples(r);
	o->all = mem_alloc((o->n + 1) * sizeof *o->all);
	for (size_t i = 0; i < o->n; i++) {
		const struct position at = {
		    pg_int4(r, (int)i, 0), (version_t)pg_int8(r, (int)i, 1)};
		any = any || !orders_has(&before, at.partition, at.version);
		o->all[i] = at;
	}
	free(before.all);
	return any;
}

void orders_refuse(
    const struct orders *o, int32_t partition, struct write *writes, size_t n)
{
	for (size_t i = 0; o->n && i < n; i++) {
		struct write *w = &writes[i];
		if (w->refused != REASON_OPERATOR &&
		    w->announced != ANNOUNCED_REJECTED &&
		    w->announced != ANNOUNCED_REPLAYED &&
		    orders_has(o, partition, w->version))
			write_refuse(w, REASON_OPERATOR, "");
	}
}

/* --- requests ------------------------------------------------------------ */

static void orders_answer(struct task *t, unsigned status, const char *state)
{
	struct buf body = {0};
	char position[POSITION_MAX_LEN];
	position_format(t->at, position);
	buf_printf(
	    &body, "{\"position\":\"%s\",\"state\":\"%s\"}\n", position, state);
	admin_answer(t->x, status, &body);
	free(t);
}

static void orders_fail(struct task *t, unsigned status, const char *why)
{
	struct buf body = {0};
	buf_str(&body, "{\"error\":");
	buf_json(&body, why, strlen(why));
	buf_str(&body, "}\n");
	admin_answer(t->x, status, &body);
	free(t);
}

static void orders_on_ordered(void *arg, const struct pg_reply *reply)
{
	struct task *t = arg;
	if (reply->err.kind != ERR_KIND_OK) {
		orders_fail(t, 503, reply->err.msg);
		return;
	}
	const PGresult *r = reply->results[0];
	const char *state = PQntuples(r) == 1 ? PQgetvalue(r, 0, 0) : "";
	if (strcmp(state, "ordered") == 0) {
		char position[POSITION_MAX_LEN];
		position_format(t->at, position);
		log_event(EV_REJECT_ORDERED, "position=%s by=admin request=%s",
		    position, log_quote(admin_request_id(t->x)));
		t->o->x->ordered(t->o->x->ordered_arg);
		orders_answer(t, 202, "ordered");
	} else if (strcmp(state, "rejected") == 0) {
		orders_answer(t, 200, "rejected");
	} else if (strcmp(state, "decided") == 0) {
		orders_fail(t, 409, "this write is already decided");
	} else {
		orders_fail(t, 404, "the log has no such partition");
	}
}

static void order(struct task *t)
{
	struct pg_params c = pg_statement_params(&bookkeeping_order);
	pg_params_int4(&c, t->at.partition);
	pg_params_int8(&c, t->at.version);
	const struct pg_query q = pg_params_query(&c);
	bool sent = pg_pool_submit(t->o->x->pool, &q, 1, orders_on_ordered, t);
	pg_params_free(&c);
	if (!sent)
		orders_fail(t, 503, pg_pool_error(t->o->x->pool));
}

void orders_take(
    struct orders *o, struct position at, int64_t end, struct admin_exchange *x)
{
	struct task *t = MEM_NEW(struct task);
	*t = (struct task){o, x, at};
	uint32_t epoch = version_epoch(at.version);
	bool there = epoch < o->x->epoch ||
		     (epoch == o->x->epoch && version_offset(at.version) < end);
	if (end < 0)
		orders_fail(t, 409,
		    "this writer does not own the partition: send the request "
		    "to the one that does");
	else if (!there)
		orders_fail(t, 404, "the log has no write at this position");
	else
		order(t);
}
