#include "writer/takeover/terminate_blockers.h"

#include "writer/core/pg_blocking.h"
#include "writer/core/pg_request.h"
#include "writer/core/pool.h"

#include "common/base/log.h"
#include "common/postgres/pg_binary.h"

#include <string.h>

/* The transaction must be older than the lock timeout (pool.c). One that
 * blocked the row for that long is; a batch of a live writer hardly ever is. */
static const char sql[] =
    "SELECT a.pid, a.application_name, pg_terminate_backend(a.pid)"
    " FROM pg_stat_activity a WHERE a.datname = current_database()"
    " AND a.usename = session_user AND a.pid <> pg_backend_pid()"
    " AND a.application_name <> '" PG_BLOCKING_NAME "'"
    " AND a.wait_event_type = 'Client'"
    " AND a.xact_start < now() - interval '5 s'"
    " AND EXISTS (SELECT FROM pg_locks l WHERE l.pid = a.pid AND l.granted"
    " AND l.relation = 'sluice.progress'::regclass"
    " AND l.mode IN ('RowShareLock', 'RowExclusiveLock'))";

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
	const struct pg_query q = {
	    .sql = sql, .result_format = 1, .shape.columns = "psb"};
	if (strcmp(e->code, "55P03") == 0)
		(void)pool_submit(x->pool, &q, 1, on_ended, x);
}
