#include "writer/takeover/terminate_blockers.h"

#include "writer/core/pg_blocking.h"
#include "writer/core/pg_request.h"

#include "common/base/log.h"
#include "common/postgres/pg_binary.h"
#include "common/postgres/pg_pool.h"
#include "common/sql/bookkeeping.h"

#include <string.h>

static void on_ended(void *arg, const struct pg_reply *reply)
{
	struct context *x = arg;
	if (reply->err.kind != ERR_KIND_OK)
		return; /* the row is asked for again, and so is this */
	const PGresult *r = reply->results[0];
	for (int row = 0; row < PQntuples(r); row++) {
		log_event(EV_SESSION_ENDED, "pid=%d application=%s",
		    pg_int4(r, row, 0), log_quote(PQgetvalue(r, row, 1)));
		metric_add(&x->stats.evicted, 1);
	}
}

void terminate_blockers(struct context *x, const struct err *e)
{
	if (strcmp(e->code, "55P03") != 0)
		return;
	struct pg_params c = pg_statement_params(&bookkeeping_end_blockers);
	pg_params_text(&c, PG_BLOCKING_NAME);
	const struct pg_query q = pg_params_query(&c);
	(void)pg_pool_submit(x->pool, &q, 1, on_ended, x);
	pg_params_free(&c);
}
