/* Boot and end of the api, in order.
 *
 * The end, after the first SIGTERM: the workers stop accepting and answer what
 * they have, each on its own thread, while the tail and the producer still
 * run, since answers come from them; then the workers' threads end; then
 * everything that posts to their loops; then the loops.
 */
#include "api/app.h"

#include "api/admin/admin_routes.h"
#include "api/changes/feed.h"
#include "api/core/budget.h"
#include "api/core/clients.h"
#include "api/routes.h"
#include "api/service/assets.h"
#include "api/service/backlog.h"
#include "api/service/schema_ready.h"
#include "api/service/service.h"
#include "api/worker.h"
#include "api/write/id_reserve.h"
#include "api/write/id_tail.h"
#include "common/base/check.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/daemon/admin.h"
#include "common/daemon/daemon.h"
#include "common/http/listener.h"

#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	L1_SHARDS = 64,
	FLIGHT_SHARDS = 64,
	OUTCOMES = 65536,
	OPENING_US = 20000,
};

static void tail_moved(void *arg, int32_t partition)
{
	struct app *app = arg;
	for (size_t i = 0; i < app->nworkers; i++)
		worker_moved(app->workers[i], partition);
}

/* --- boot ---------------------------------------------------------------- */

static size_t thread_count(const struct api_settings *s)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	if (s->threads)
		return (size_t)s->threads;
	return cores > 0 ? (size_t)cores : 1;
}

bool app_take_place(atomic_size_t *taken, int64_t most)
{
	if (atomic_fetch_add(taken, 1) < (size_t)most)
		return true;
	atomic_fetch_sub(taken, 1);
	return false;
}

/* What one client address may have of each kind. */
static struct clients *make_clients(const struct api_settings *s)
{
	const int64_t all[CLIENT_KINDS] = {
	    [CLIENT_CONNECTIONS] = s->max_connections,
	    [CLIENT_BULKS] = s->max_bulks,
	    [CLIENT_FEEDS] = s->changes_most,
	    [CLIENT_EXPORTS] = s->export_most,
	};
	size_t most[CLIENT_KINDS];
	for (size_t i = 0; i < CLIENT_KINDS; i++)
		most[i] = s->client_share == 100
			      ? SIZE_MAX
			      : (size_t)(all[i] * s->client_share + 99) / 100;
	return clients_new(most, s->proxies);
}

void app_init(struct app *app, const struct config *config)
{
	const struct api_settings *s = config->settings;
	*app = (struct app){.config = config, .settings = s};
	/* Large pieces go back to the system when they are freed. Left alone,
	 * libc would raise this with the first of them, and keep the rest. */
	(void)mallopt(M_MMAP_THRESHOLD, 128 * 1024);
	budget_bodies.most = (size_t)s->body_budget;
	budget_answers.most = (size_t)s->answer_budget;
	app->kafka = config_kafka(config);
	app->loop = loop_new();
	app->partitions = (int32_t)s->common.partitions;
	app->bypass_without_log = strcmp(s->without_log, "bypass") == 0;
	app->l1 = l1_new((size_t)s->l1_bytes, (size_t)s->l1_entries, L1_SHARDS);
	size_t collections = 0;
	while (collection_at(collections))
		collections++;
	app->floors = floors_new(app->partitions, collections);
	app->outcomes = outcomes_new(app->partitions, OUTCOMES);
	app->singleflight = singleflight_new(FLIGHT_SHARDS);
	app->ids = id_blocks_new(collections);
	app->id_log = id_log_new(collections);
	app->migrated = schema_ready_new();
	app->routes = &routes_table;
	app->assets = assets_new(s->docs_dir, app->routes);
	app->purges_allowed = strcmp(s->purge, "on") == 0 ||
			      (strcmp(s->purge, "loopback") == 0 &&
				  listener_is_loopback(s->http_listen));
	app->clients = make_clients(s);
	app->nworkers = thread_count(s);
	app->metrics = mem_zalloc((app->nworkers + 1) * sizeof *app->metrics);
	app->instances =
	    mem_zalloc((app->nworkers + 1) * sizeof *app->instances);
	for (size_t i = 0; i <= app->nworkers; i++)
		app->instances[i] = &app->metrics[i];
	app->workers = mem_zalloc(app->nworkers * sizeof *app->workers);
}

/* Shared sockets would not notice a stranger who listens on the port. */
static struct err look_for_stranger(const struct app *app)
{
	int fd, port;
	struct err e =
	    listener_bind(app->settings->http_listen, false, &fd, &port);
	if (e.kind == ERR_KIND_OK)
		close(fd);
	return e;
}

static struct err start_workers(struct app *app)
{
	struct err e = look_for_stranger(app);
	if (e.kind != ERR_KIND_OK)
		return e;
	for (size_t i = 0; i < app->nworkers; i++) {
		e = worker_new(app, i, &app->workers[i]);
		if (e.kind != ERR_KIND_OK)
			return e;
	}
	for (size_t i = 0; i < app->nworkers; i++)
		worker_run(app->workers[i]);
	return ERR_OK;
}

static struct err start_ids(struct app *app)
{
	const struct id_tail_options o = {
	    .loop = app->loop,
	    .kafka = &app->kafka,
	    .topic = app->settings->common.ids_topic,
	    .log = app->id_log,
	    .metrics = &app->metrics[0],
	    .mine = id_reserve_mine,
	    .ended = id_reserve_ended,
	    .arg = app,
	};
	return id_tail_new(&o, &app->id_tail);
}

static struct err start_log(struct app *app)
{
	const struct api_settings *s = app->settings;
	const struct write_log_options w = {
	    .loop = app->loop,
	    .kafka = &app->kafka,
	    .topic = s->common.writes_topic,
	    .partitions = app->partitions,
	};
	struct err e = write_log_new(&w, &app->write_log);
	if (e.kind != ERR_KIND_OK)
		return e;
	const struct tail_options t = {
	    .loop = app->loop,
	    .kafka = &app->kafka,
	    .topic = s->common.commits_topic,
	    .partitions = app->partitions,
	    .l1_ttl = s->l1_ttl,
	    .floors = app->floors,
	    .outcomes = app->outcomes,
	    .l1 = app->l1,
	    .metrics = &app->metrics[0],
	    .purges = &app->purges,
	    .moved = tail_moved,
	    .arg = app,
	};
	const struct feeds_options f = {
	    .kafka = &app->kafka,
	    .topic = s->common.commits_topic,
	    .partitions = app->partitions,
	    .heartbeat = s->changes_heartbeat,
	};
	app->feeds = feeds_new(&f);
	app->epoch = epoch_new(app);
	e = tail_new(&t, &app->tail);
	if (e.kind == ERR_KIND_OK)
		e = start_ids(app);
	return e.kind == ERR_KIND_OK ? backlog_new(app, &app->backlog) : e;
}

/* Everything that requests need is there. */
static bool can_serve(struct app *app, struct buf *reasons)
{
	bool log = write_log_up(app->write_log);
	bool tail = tail_started(app->tail) && tail_up(app->tail);
	bool database =
	    api_metric_sum(app->instances, app->nworkers + 1,
		offsetof(struct api_metrics, primary_connections)) > 0;
	if (!log)
		buf_str(reasons, "the log cannot be reached\n");
	bool compared = tail_compared(app->tail);
	if (!tail)
		buf_str(
		    reasons, "commits cannot be read from sluice.commits\n");
	else if (!compared)
		buf_str(reasons, "waiting for the first comparison of the "
				 "commits with the log\n");
	bool epoch = epoch_known(app->epoch);
	if (!database)
		buf_str(reasons, "the primary cannot be reached\n");
	else if (!epoch)
		buf_str(
		    reasons, "waiting for the primary to report its epoch\n");
	const struct collection *missing = schema_ready_first(app->migrated);
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
	bool leaving = app->leaving || atomic_load(&app->draining);
	bool open = app->listening == app->nworkers;
	if (leaving)
		buf_str(reasons, "draining\n");
	if (!open)
		buf_str(reasons, "the public listener is not open yet\n");
	return can_serve(app, reasons) && open && !leaving;
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
	    &m->refused_feeds, (int64_t)clients_refused(cs, CLIENT_FEEDS));
	metric_set(
	    &m->refused_exports, (int64_t)clients_refused(cs, CLIENT_EXPORTS));
}

/* Of all loops. */
static void refresh_stall(struct app *app)
{
	struct loop_stall s = loop_stall_max(
	    loop_stall(app->loop), loop_stall(feeds_loop(app->feeds)));
	for (size_t i = 0; i < app->nworkers && app->workers[i]; i++)
		s = loop_stall_max(s, loop_stall(app->workers[i]->loop));
	metric_set(&app->metrics[0].loop_stall, s.recent);
	metric_set(&app->metrics[0].loop_stall_max, s.ever);
}

static void app_refresh(void *arg)
{
	struct app *app = arg;
	refresh_stall(app);
	refresh_clients(&app->metrics[0], app->clients);
	struct l1_stats l1 = l1_stats(app->l1);
	refresh_budgets(&app->metrics[0]);
	metric_set(&app->metrics[0].l1_entries, (int64_t)l1.entries);
	metric_set(&app->metrics[0].l1_bytes, (int64_t)l1.bytes);
}

static void app_stats(void *arg, struct buf *json)
{
	service_write_stats(arg, json);
}

static struct err start_admin(struct app *app)
{
	const struct admin_options o = {
	    .loop = app->loop,
	    .address = app->settings->admin_listen,
	    .config = app->config,
	    .rows = api_metric_rows,
	    .nrows = api_metric_count,
	    .instances = app->instances,
	    .ninstances = app->nworkers + 1,
	    .ready = app_ready,
	    .refresh = app_refresh,
	    .stats = app_stats,
	    .arg = app,
	    .routes = &admin_routes,
	    .routes_arg = app,
	};
	return admin_new(&o, &app->admin);
}

/* --- the public listener ------------------------------------------------- */

struct listens {
	struct app *app;
	struct err e;
};

static void worker_listens(void *arg)
{
	struct listens l = *(struct listens *)arg;
	free(arg);
	if (l.e.kind != ERR_KIND_OK)
		app_refuse(l.app, &l.e);
	else if (++l.app->listening == l.app->nworkers)
		log_event(EV_LISTEN, "address=%s threads=%zu",
		    l.app->settings->http_listen, l.app->nworkers);
}

void app_worker_listens(struct app *app, struct err e)
{
	struct listens *l = MEM_NEW(struct listens);
	*l = (struct listens){app, e};
	loop_post(app->loop, worker_listens, l);
}

/* Each thread has connections of its own, and the kernel chooses the thread. */
static bool each_reaches_primary(const struct app *app)
{
	for (size_t i = 0; i < app->nworkers; i++) {
		const struct api_metrics *m = app->workers[i]->metrics;
		if (metric_get(&m->primary_connections) == 0)
			return false;
	}
	return true;
}

static bool is_due(struct app *app)
{
	struct buf reasons = {0};
	bool can = can_serve(app, &reasons) && each_reaches_primary(app);
	buf_free(&reasons);
	return can || strcmp(app->settings->listen_when, "start") == 0;
}

static void open_when_due(void *arg)
{
	struct app *app = arg;
	if (!is_due(app)) {
		loop_timer_start(app->opening, OPENING_US);
		return;
	}
	struct err e = look_for_stranger(app);
	if (e.kind != ERR_KIND_OK) {
		app_refuse(app, &e);
		return;
	}
	for (size_t i = 0; i < app->nworkers; i++)
		worker_listen(app->workers[i]);
}

struct err app_start(struct app *app)
{
	struct err e = start_log(app);
	if (e.kind == ERR_KIND_OK)
		e = start_admin(app);
	if (e.kind == ERR_KIND_OK)
		e = start_workers(app);
	if (e.kind != ERR_KIND_OK)
		return e;
	app->opening = loop_timer_new(app->loop, open_when_due, app);
	open_when_due(app);
	return ERR_OK;
}

/* --- the end ------------------------------------------------------------- */

static void end_if_idle(struct app *app)
{
	if (atomic_load(&app->draining) && !app->running && !app->held)
		loop_stop(app->loop);
}

static void worker_ended(void *arg)
{
	struct app *app = arg;
	app->running--;
	end_if_idle(app);
}

void app_hold(struct app *app)
{
	app->held++;
}

void app_release(struct app *app)
{
	app->held--;
	end_if_idle(app);
}

void app_worker_done(struct app *app)
{
	loop_post(app->loop, worker_ended, app);
}

void app_leave(void *arg)
{
	struct app *app = arg;
	app->leaving = true;
}

void app_drain(void *arg)
{
	struct app *app = arg;
	if (atomic_exchange(&app->draining, true))
		return;
	if (app->opening)
		loop_timer_stop(app->opening);
	app->running = app->nworkers;
	for (size_t i = 0; i < app->nworkers; i++)
		worker_drain(app->workers[i]);
}

void app_refuse(struct app *app, const struct err *e)
{
	log_event(EV_API_FATAL, "code=%s error=%s", e->code, log_quote(e->msg));
	app->exit_code = EXIT_FAILURE;
	daemon_ends_within(app->settings->common.drain_timeout);
	app_drain(app);
}

void app_stop(struct app *app)
{
	for (size_t i = 0; i < app->nworkers && app->workers[i]; i++)
		worker_join(app->workers[i]);
	feeds_free(&app->feeds);
	tail_free(&app->tail);
	id_tail_free(&app->id_tail);
	write_log_free(&app->write_log, CLOCK_S(5));
	backlog_free(&app->backlog);
	epoch_free(&app->epoch);
	admin_free(&app->admin);
	loop_timer_free(&app->opening);
}

void app_free(struct app *app)
{
	for (size_t i = 0; i < app->nworkers; i++)
		worker_free(&app->workers[i]);
	loop_free(&app->loop);
	l1_free(&app->l1);
	floors_free(&app->floors);
	outcomes_free(&app->outcomes);
	singleflight_free(&app->singleflight);
	id_blocks_free(&app->ids);
	id_log_free(&app->id_log);
	schema_ready_free(&app->migrated);
	assets_free(&app->assets);
	clients_free(&app->clients);
	free(app->workers);
	free(app->metrics);
	free(app->instances);
}
