#include "writer/batch/watermark_check.h"

#include "writer/core/pg_request.h"
#include "writer/decide/fingerprints.h"
#include "writer/decide/judges.h"
#include "writer/rejections/orders.h"

#include "common/base/mem.h"
#include "common/postgres/pg_binary.h"
#include "common/postgres/pg_params.h"
#include "common/sql/bookkeeping.h"

#include <stdlib.h>

#define INTERVAL CLOCK_S(10)

struct watermark_check {
	struct context *x;
	struct partition *const *parts;
	version_t *believed; /* when Postgres was asked */
	size_t n;
	struct pg_request *ask;
	struct loop_timer *timer;
};

static void watermark_check_on_answer(void *arg, const struct pg_reply *reply)
{
	struct watermark_check *r = arg;
	r->ask = NULL;
	loop_timer_start(r->timer, INTERVAL);
	if (reply->err.kind != ERR_KIND_OK)
		return;
	const PGresult *rows = reply->results[0];
	for (int row = 0; row < PQntuples(rows); row++) {
		int32_t p = pg_int4(rows, row, 0);
		if (p >= 0 && (size_t)p < r->n && r->parts[p])
			partition_found(r->parts[p], r->believed[p],
			    (version_t)pg_int8(rows, row, 1));
	}
	orders_read(r->x->orders, reply->results[1]);
	fingerprints_free(&r->x->shapes);
	r->x->shapes = fingerprints_read(reply->results[2]);
	judges_read(r->x->judges, reply->results[3]);
	for (size_t p = 0; p < r->n; p++) {
		if (r->parts[p])
			partition_ordered(r->parts[p]);
	}
}

static void watermark_check_on_timer(void *arg)
{
	struct watermark_check *r = arg;
	struct pg_params judges = judges_call();
	const struct pg_query q[] = {pg_statement_query(&bookkeeping_progress),
	    pg_statement_query(&bookkeeping_orders),
	    /* Before the judges: a table that was migrated is judged. */
	    pg_statement_query(&bookkeeping_collections),
	    pg_params_query(&judges)};
	for (size_t i = 0; i < r->n; i++)
		r->believed[i] =
		    r->parts[i] ? partition_watermark(r->parts[i]) : 0;
	r->ask =
	    pg_request_submit(r->x->pool, q, 4, watermark_check_on_answer, r);
	pg_params_free(&judges);
	if (r->ask == NULL)
		loop_timer_start(r->timer, INTERVAL);
}

struct watermark_check *watermark_check_new(
    struct context *x, struct partition *const *parts, size_t n)
{
	struct watermark_check *r = MEM_NEW(struct watermark_check);
	r->x = x;
	r->parts = parts;
	r->n = n;
	r->believed = mem_zalloc(n * sizeof *r->believed);
	r->timer = loop_timer_new(x->loop, watermark_check_on_timer, r);
	loop_timer_start(r->timer, INTERVAL);
	return r;
}

/* An answer that is under way may come from the former server. */
void watermark_check_soon(struct watermark_check *r)
{
	if (r == NULL)
		return;
	pg_request_cancel(&r->ask);
	loop_timer_start(r->timer, 0);
}

void watermark_check_free(struct watermark_check **rp)
{
	struct watermark_check *r = *rp;
	if (r == NULL)
		return;
	pg_request_cancel(&r->ask);
	loop_timer_free(&r->timer);
	free(r->believed);
	free(r);
	*rp = NULL;
}
