#include "api/reserve.h"

#include "api/epoch.h"
#include "api/migrated.h"
#include "api/request.h"
#include "common/call.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/pgarray.h"
#include "common/sqlstate.h"
#include "common/sqltable.h"

#include <stdlib.h>

#define AGAIN CLOCK_MS(200)
/* After the table was not there, or not as it is declared. */
#define UNMIGRATED CLOCK_S(10)

struct asked {
	struct app *app;
	const struct collection *c;
};

static void on_arrived(void *arg)
{
	struct worker *w = arg;
	if (w->waits)
		request_keys(w);
}

static void wake_all(struct app *app)
{
	for (size_t i = 0; i < app->nworkers; i++)
		loop_post(app->workers[i]->loop, on_arrived, app->workers[i]);
}

static void on_reply(void *arg, const struct pg_reply *reply)
{
	struct asked a = *(struct asked *)arg;
	bool ok = reply->err.verdict == VERDICT_OK;
	free(arg);
	for (int i = 0; ok && i < PQntuples(reply->results[0]); i++)
		ids_add(a.app->ids, a.c->index,
		    pg_int8(reply->results[0], i, 0),
		    pg_int8(reply->results[0], i, 1));
	dur_us_t pause =
	    sqlstate_is_unmigrated(reply->err.code) ? UNMIGRATED : AGAIN;
	ids_asked(a.app->ids, a.c->index, ok ? 0 : pause, clock_mono());
	if (ok)
		wake_all(a.app);
	else if (!atomic_load(&a.app->draining))
		log_event(EV_IDS_FAILED, "collection=%s code=%s error=%s",
		    a.c->name, reply->err.code, log_quote(reply->err.msg));
}

static bool ask(struct worker *w, const struct collection *c, unsigned blocks)
{
	struct buf sql = {0};
	struct asked *a = MEM_NEW(struct asked);
	*a = (struct asked){w->app, c};
	sqltable_reserve(&sql, c);
	struct call call = {.sql = sql.data, .shape.columns = "88"};
	call_int4(&call, (int32_t)blocks);
	const struct pg_query q = call_query(&call);
	bool sent = pgread_query(w->primary, &q, on_reply, a);
	call_free(&call);
	if (!sent)
		free(a);
	buf_free(&sql);
	return sent;
}

void reserve_ids(struct worker *w, const struct collection *c)
{
	mono_us_t now = clock_mono();
	unsigned blocks = ids_want(w->app->ids, c->index, now);
	if (blocks > 0 && !ask(w, c, blocks))
		ids_asked(w->app->ids, c->index, AGAIN, now);
}

void reserve_all(struct worker *w)
{
	const struct collection *c;
	for (size_t i = 0; (c = collection_at(i)) != NULL; i++) {
		if (c->key == KEY_INTEGER && epoch_known(w->app->epoch) &&
		    !migrated_misses(w->app->migrated, c))
			reserve_ids(w, c);
	}
}
