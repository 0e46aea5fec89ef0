/* What the admin listener says of the api: whether it is ready, and the gauges
 * that are read at each scrape.
 */
#include "api/app_admin.h"

#include "api/access/credentials.h"
#include "api/access/jwks_source.h"
#include "api/admin/admin_routes.h"
#include "api/cache/l1.h"
#include "api/changes/feed.h"
#include "api/commits/backlog.h"
#include "api/commits/epoch.h"
#include "api/commits/tail.h"
#include "api/core/settings.h"
#include "api/limits/budget.h"
#include "api/limits/clients.h"
#include "api/service/service.h"
#include "api/write/schema_ready.h"
#include "api/write/write_log.h"
#include "common/daemon/admin.h"

#include <stddef.h>

bool app_can_serve(struct app *app, struct buf *reasons)
{
	bool log = write_log_up(app->shared.write_log);
	bool tail = tail_started(app->shared.tail) && tail_up(app->shared.tail);
	bool database =
	    api_metric_sum(app->shared.metric_sets, app->shared.nthreads + 1,
		offsetof(struct api_metrics, primary_connections)) > 0;
	if (!log)
		buf_str(reasons, "the log cannot be reached\n");
	bool compared = tail_compared(app->shared.tail);
	int32_t newer = tail_newer(app->shared.tail);
	if (newer >= 0)
		buf_printf(reasons,
		    "partition %d: its commits have a format that this version "
		    "does not know: start the newer version of sluice-api "
		    "instead\n",
		    newer);
	else if (!tail)
		buf_str(
		    reasons, "commits cannot be read from sluice.commits\n");
	else if (!compared)
		buf_str(reasons, "waiting for the first comparison of the "
				 "commits with the log\n");
	bool epoch = epoch_known(app->shared.epoch);
	if (!database)
		buf_str(reasons, "the primary cannot be reached\n");
	else if (!epoch)
		buf_str(
		    reasons, "waiting for the primary to report its epoch\n");
	const struct collection *missing =
	    schema_ready_first(app->shared.migrated);
	if (missing)
		buf_printf(reasons,
		    "the declaration of %s is not migrated: run sluice-writer "
		    "--migrate\n",
		    missing->name);
	return log && tail && compared && database && epoch && !missing;
}

static bool app_ready(void *arg, struct buf *reasons)
{
	struct app *app = arg;
	bool leaving = app->leaving || atomic_load(&app->shared.draining);
	bool open = app->listening == app->shared.nthreads;
	if (leaving)
		buf_str(reasons, "draining\n");
	if (!open)
		buf_str(reasons, "the public listener is not open yet\n");
	return app_can_serve(app, reasons) && open && !leaving;
}

static void refresh_budgets(struct api_metrics *m)
{
	const struct budget *bodies = &budget_bodies;
	const struct budget *answers = &budget_answers;
	metric_set(&m->body_bytes, (int64_t)bodies->used);
	metric_set(&m->body_most, (int64_t)bodies->most);
	metric_set(&m->body_refused, (int64_t)bodies->refused);
	metric_set(&m->answer_bytes, (int64_t)answers->used);
	metric_set(&m->answer_most, (int64_t)answers->most);
	metric_set(&m->answer_refused, (int64_t)answers->refused);
}

static void refresh_clients(struct api_metrics *m, struct clients *cs)
{
	metric_set(&m->clients, (int64_t)clients_count(cs));
	metric_set(&m->refused_connections,
	    (int64_t)clients_refused(cs, CLIENT_CONNECTIONS));
	metric_set(
	    &m->refused_bulks, (int64_t)clients_refused(cs, CLIENT_BULKS));
	metric_set(
	    &m->refused_waits, (int64_t)clients_refused(cs, CLIENT_WAITS));
	metric_set(
	    &m->refused_feeds, (int64_t)clients_refused(cs, CLIENT_FEEDS));
	metric_set(
	    &m->refused_exports, (int64_t)clients_refused(cs, CLIENT_EXPORTS));
}

/* The longest stall of all loops. */
static void refresh_stall(struct app *app)
{
	struct loop_stall s = loop_stall_max(loop_stall(app->shared.loop),
	    loop_stall(feeds_loop(app->shared.feeds)));
	for (size_t i = 0; i < app->shared.nthreads && app->shared.threads[i];
	     i++)
		s = loop_stall_max(s, loop_stall(app->shared.threads[i]->loop));
	metric_set(&app->shared.metrics[0].loop_stall, s.recent);
	metric_set(&app->shared.metrics[0].loop_stall_max, s.ever);
}

static void refresh_jwks(struct api_metrics *m, const struct credentials *c)
{
	struct jwks_source_state s = credentials_jwks_state(c);
	metric_set(&m->jwks_keys, (int64_t)s.keys);
	metric_set(&m->jwks_fetched, (int64_t)s.fetched);
	metric_set(&m->jwks_failed, (int64_t)s.failed);
	metric_set(&m->jwks_age, s.age);
}

void app_refresh(void *arg)
{
	struct app *app = arg;
	refresh_jwks(&app->shared.metrics[0], app->shared.credentials);
	refresh_stall(app);
	refresh_clients(&app->shared.metrics[0], app->shared.clients);
	struct l1_stats l1 = l1_stats(app->shared.l1);
	refresh_budgets(&app->shared.metrics[0]);
	metric_set(&app->shared.metrics[0].connections_most,
	    app->shared.settings->max_connections);
	metric_set(&app->shared.metrics[0].l1_entries, (int64_t)l1.entries);
	metric_set(&app->shared.metrics[0].l1_bytes, (int64_t)l1.bytes);
}

static void app_stats(void *arg, struct buf *json)
{
	struct app *app = arg;
	service_write_stats(&app->shared, json);
}

static bool find_exemplar(void *arg, const struct metric_row *row, int bucket,
    struct metric_exemplar *out)
{
	const struct app *app = arg;
	return api_exemplars_find(
	    app->shared.exemplars, app->shared.nthreads, row, bucket, out);
}

struct err app_admin_start(struct app *app)
{
	app->each = collection_metrics_each(
	    app->shared.collection_metrics, app->shared.nthreads);
	const struct admin_options o = {
	    .loop = app->shared.loop,
	    .address = app->shared.settings->admin_listen,
	    .config = app->config,
	    .each = &app->each,
	    .rows = api_metric_rows,
	    .nrows = api_metric_count,
	    .instances = app->shared.metric_sets,
	    .ninstances = app->shared.nthreads + 1,
	    .open = {find_exemplar, app},
	    .ready = app_ready,
	    .reload = app->reload,
	    .refresh = app_refresh,
	    .stats = app_stats,
	    .arg = app,
	    .routes = &admin_routes,
	    .routes_arg = &app->shared,
	};
	return admin_new(&o, &app->admin);
}
