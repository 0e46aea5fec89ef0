/* Start and end of the api, in order.
 *
 * The end, after SIGTERM: the workers take no new connections. They answer the
 * requests that they have, each on its own thread. The tail and the producer
 * still run, because answers depend on them. Then these end, in this order: the
 * workers' threads, everything that posts to their loops, the loops.
 */
#include "api/app.h"

#include "api/access/credentials.h"
#include "api/app_admin.h"
#include "api/cache/floors.h"
#include "api/cache/l1.h"
#include "api/cache/value.h"
#include "api/changes/feed.h"
#include "api/commits/backlog.h"
#include "api/commits/epoch.h"
#include "api/commits/stores.h"
#include "api/commits/tail.h"
#include "api/core/admission.h"
#include "api/core/guard.h"
#include "api/core/settings.h"
#include "api/limits/budget.h"
#include "api/limits/clients.h"
#include "api/log/access_log.h"
#include "api/new_collections.h"
#include "api/read/singleflight.h"
#include "api/routes.h"
#include "api/service/assets.h"
#include "api/service/sampler.h"
#include "api/worker.h"
#include "api/write/id_blocks.h"
#include "api/write/id_reserve.h"
#include "api/write/id_tail.h"
#include "api/write/schema_ready.h"
#include "api/write/write_log.h"
#include "common/base/check.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/daemon/admin.h"
#include "common/daemon/daemon.h"
#include "common/daemon/reload_settings.h"
#include "common/http/listener.h"
#include "common/kafka/record_at.h"

#include <malloc.h>
#include <stdint.h>
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
	for (size_t i = 0; i < app->shared.nthreads; i++)
		worker_moved(app->workers[i], partition);
}

/* --- boot ---------------------------------------------------------------- */

static struct app *app_of(struct instance *i)
{
	return (struct app *)((char *)i - offsetof(struct app, shared));
}

static void end_if_idle(struct app *app);

static void app_released(struct instance *i)
{
	end_if_idle(app_of(i));
}

static void app_refuse(struct app *app, const struct err *e)
{
	log_event(EV_API_FATAL, "code=%s error=%s", e->code, log_quote(e->msg));
	app->exit_code = EXIT_FAILURE;
	daemon_ends_within(app->shared.settings->common.drain_timeout);
	app_drain(app);
}

static void app_refused(struct instance *i, const struct err *e)
{
	app_refuse(app_of(i), e);
}

static size_t thread_count(const struct api_settings *s)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	if (s->threads)
		return (size_t)s->threads;
	return cores > 0 ? (size_t)cores : 1;
}

/* Makes the limits for one client address. */
static struct clients *make_clients(const struct api_settings *s)
{
	const int64_t all[CLIENT_KINDS] = {
	    [CLIENT_CONNECTIONS] = s->max_connections,
	    [CLIENT_BULKS] = s->max_bulks,
	    [CLIENT_FEEDS] = s->changes_most,
	    [CLIENT_EXPORTS] = s->export_most,
	    [CLIENT_WAITS] = s->max_parked,
	};
	size_t most[CLIENT_KINDS];
	for (size_t i = 0; i < CLIENT_KINDS; i++)
		most[i] = s->client_share == 100
			      ? SIZE_MAX
			      : (size_t)(all[i] * s->client_share + 99) / 100;
	return clients_new(most, s->proxies);
}

/* What is made once for all has the headers of every answer. */
static void app_make_guard(struct app *app, const struct api_settings *s)
{
	struct cors_header headers[CORS_HEADERS];
	app->guard = guard_new(app->config, app->shared.nthreads,
	    admission_is_required(app->admission));
	app->shared.guard = app->guard;
	size_t n = guard_always(app->guard, headers);
	for (size_t i = 0; i < n; i++)
		value_add_header(headers[i].name, headers[i].value);
	app->shared.assets =
	    assets_new(s->docs_dir, app->shared.routes, headers, n);
}

void app_init(struct app *app, const struct config *config)
{
	const struct api_settings *s = config->settings;
	*app = (struct app){.config = config};
	app->shared.settings = s;
	app->shared.released = app_released;
	app->shared.refused = app_refused;
	/* So that large pieces of memory go back to the system when they are
	 * freed. Otherwise libc raises this threshold when the first of them is
	 * freed, and keeps the others. */
	(void)mallopt(M_MMAP_THRESHOLD, 128 * 1024);
	budget_bodies.most = (size_t)s->body_budget;
	budget_answers.most = (size_t)s->answer_budget;
	app->kafka = config_kafka(config);
	app->shared.kafka = &app->kafka;
	app->shared.loop = loop_new();
	app->shared.partitions = (int32_t)s->common.partitions;
	app->shared.bypass_without_log = strcmp(s->without_log, "bypass") == 0;
	app->shared.l1 =
	    l1_new((size_t)s->l1_bytes, (size_t)s->l1_entries, L1_SHARDS);
	app->shared.floors =
	    floors_new(app->shared.partitions, COLLECTIONS_MAX);
	app->shared.outcomes = outcomes_new(app->shared.partitions, OUTCOMES);
	app->shared.singleflight = singleflight_new(FLIGHT_SHARDS);
	app->shared.ids = id_blocks_new(COLLECTIONS_MAX);
	app->shared.id_log = id_log_new(COLLECTIONS_MAX);
	app->shared.migrated = schema_ready_new();
	app->shared.routes = &routes_table;
	CHECK(admission_new(s, &app->admission).kind == ERR_KIND_OK);
	app->shared.admission = app->admission;
	value_make_private(admission_is_required(app->admission));
	app->shared.clients = make_clients(s);
	app->shared.nthreads = thread_count(s);
	app_make_guard(app, s);
	app->shared.metrics = mem_zalloc(
	    (app->shared.nthreads + 1) * sizeof *app->shared.metrics);
	app->shared.metric_sets = mem_zalloc(
	    (app->shared.nthreads + 1) * sizeof *app->shared.metric_sets);
	for (size_t i = 0; i <= app->shared.nthreads; i++)
		app->shared.metric_sets[i] = &app->shared.metrics[i];
	app->shared.tracer =
	    daemon_tracer(&s->common, TRACER_COUNTERS(&app->shared.metrics[0]));
	app->shared.collection_metrics =
	    collection_metrics_new(app->shared.nthreads);
	app->shared.exemplars =
	    mem_zalloc(app->shared.nthreads * sizeof *app->shared.exemplars);
	for (size_t i = 0; i < app->shared.nthreads; i++)
		app->shared.exemplars[i] = api_exemplars_new();
	app->reload = reload_new(RELOAD_COUNTERS(&app->shared.metrics[0]));
	app->reload_settings = reload_settings_new(app->reload, config,
	    &(struct reload_collections){
		new_collections_begin, new_collections_taken, app});
	app->workers = mem_zalloc(app->shared.nthreads * sizeof *app->workers);
	app->shared.threads =
	    mem_zalloc(app->shared.nthreads * sizeof *app->shared.threads);
}

/* The threads share the port, so binding would not fail if another program
 * listened on it. */
static struct err look_for_stranger(const struct app *app)
{
	int fd, port;
	struct err e =
	    listener_bind(app->shared.settings->http_listen, false, &fd, &port);
	if (e.kind == ERR_KIND_OK)
		close(fd);
	return e;
}

static struct err open_tls(struct app *app)
{
	bool wanted;
	const struct tls_server_options o =
	    api_settings_tls(app->shared.settings);
	struct err e = tls_server_check(&o, &wanted);
	if (e.kind == ERR_KIND_OK && wanted)
		e = tls_server_new(&o, &app->tls);
	if (app->tls)
		reload_add(app->reload, "tls", tls_server_reload, app->tls);
	return e;
}

static struct err start_workers(struct app *app)
{
	access_log_start(&app->shared);
	struct err e = look_for_stranger(app);
	if (e.kind == ERR_KIND_OK)
		e = open_tls(app);
	if (e.kind != ERR_KIND_OK)
		return e;
	for (size_t i = 0; i < app->shared.nthreads; i++) {
		e = worker_new(app, i, &app->workers[i]);
		if (e.kind != ERR_KIND_OK)
			return e;
		app->shared.threads[i] = worker_thread(app->workers[i]);
	}
	for (size_t i = 0; i < app->shared.nthreads; i++)
		worker_run(app->workers[i]);
	return ERR_OK;
}

/* Everything that is needed to know who asks; and what SIGHUP reads again. */
static struct err start_credentials(struct app *app)
{
	const struct credentials_options o =
	    api_settings_credentials(app->shared.settings);
	struct err e = credentials_new(&o, &app->shared.credentials);
	if (e.kind != ERR_KIND_OK)
		return e;
	if (*o.keys)
		reload_add(app->reload, "auth.keys", credentials_reload_keys,
		    app->shared.credentials);
	if (*o.jwks)
		reload_add(app->reload, "auth.jwt.jwks",
		    credentials_reload_tokens, app->shared.credentials);
	return ERR_OK;
}

static struct err start_ids(struct app *app)
{
	const struct id_tail_options o = {
	    .loop = app->shared.loop,
	    .kafka = &app->kafka,
	    .topic = app->shared.settings->common.ids_topic,
	    .log = app->shared.id_log,
	    .metrics = &app->shared.metrics[0],
	    .mine = id_reserve_mine,
	    .ended = id_reserve_ended,
	    .arg = &app->shared,
	};
	return id_tail_new(&o, &app->shared.id_tail);
}

static struct err start_log(struct app *app)
{
	const struct api_settings *s = app->shared.settings;
	const struct write_log_options w = {
	    .loop = app->shared.loop,
	    .kafka = &app->kafka,
	    .topic = s->common.writes_topic,
	    .partitions = app->shared.partitions,
	};
	struct err e = write_log_new(&w, &app->shared.write_log);
	if (e.kind != ERR_KIND_OK)
		return e;
	const struct tail_options t = {
	    .loop = app->shared.loop,
	    .kafka = &app->kafka,
	    .topic = s->common.commits_topic,
	    .partitions = app->shared.partitions,
	    .l1_ttl = s->l1_ttl,
	    .floors = app->shared.floors,
	    .outcomes = app->shared.outcomes,
	    .l1 = app->shared.l1,
	    .metrics = &app->shared.metrics[0],
	    .purges = &app->shared.purges,
	    .tracer = app->shared.tracer,
	    .moved = tail_moved,
	    .arg = app,
	};
	const struct feeds_options f = {
	    .kafka = &app->kafka,
	    .topic = s->common.commits_topic,
	    .partitions = app->shared.partitions,
	    .heartbeat = s->changes_heartbeat,
	};
	app->shared.feeds = feeds_new(&f);
	if (admission_is_required(app->admission)) {
		const struct record_at_options r = {.kafka = &app->kafka,
		    .topic = s->common.writes_topic,
		    .timeout = s->read_timeout};
		e = record_at_new(&r, &app->shared.authors);
		if (e.kind != ERR_KIND_OK)
			return e;
	}
	app->shared.epoch = epoch_new(&app->shared);
	e = tail_new(&t, &app->shared.tail);
	if (e.kind == ERR_KIND_OK)
		e = start_ids(app);
	return e.kind == ERR_KIND_OK
		   ? backlog_new(&app->shared, &app->shared.backlog)
		   : e;
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
	else if (++l.app->listening == l.app->shared.nthreads)
		log_event(EV_LISTEN, "address=%s threads=%zu",
		    l.app->shared.settings->http_listen,
		    l.app->shared.nthreads);
}

void app_worker_listens(struct app *app, struct err e)
{
	struct listens *l = MEM_NEW(struct listens);
	*l = (struct listens){app, e};
	loop_post(app->shared.loop, worker_listens, l);
}

/* Each thread has its own connections, and the kernel chooses the thread of a
 * request. Therefore each thread must reach the primary. */
static bool each_reaches_primary(const struct app *app)
{
	for (size_t i = 0; i < app->shared.nthreads; i++) {
		const struct api_metrics *m = app->shared.threads[i]->metrics;
		if (metric_get(&m->primary_connections) == 0)
			return false;
	}
	return true;
}

static bool is_due(struct app *app)
{
	struct buf reasons = {0};
	bool can = app_can_serve(app, &reasons) && each_reaches_primary(app);
	buf_free(&reasons);
	return can || strcmp(app->shared.settings->listen_when, "start") == 0;
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
	for (size_t i = 0; i < app->shared.nthreads; i++)
		worker_listen(app->workers[i]);
}

struct err app_start(struct app *app)
{
	struct err e = start_credentials(app);
	if (e.kind == ERR_KIND_OK)
		e = start_log(app);
	if (e.kind == ERR_KIND_OK) {
		app->shared.stores = stores_new(&app->shared);
		app->shared.sampler =
		    sampler_new(&app->shared, app_refresh, app);
		e = app_admin_start(app);
	}
	if (e.kind == ERR_KIND_OK)
		e = start_workers(app);
	if (e.kind != ERR_KIND_OK)
		return e;
	app->opening = loop_timer_new(app->shared.loop, open_when_due, app);
	open_when_due(app);
	return ERR_OK;
}

/* --- the end ------------------------------------------------------------- */

static void end_if_idle(struct app *app)
{
	if (atomic_load(&app->shared.draining) && !app->running &&
	    !app->shared.held)
		loop_stop(app->shared.loop);
}

static void worker_ended(void *arg)
{
	((struct app *)arg)->running--;
	end_if_idle(arg);
}

void app_worker_done(struct app *app)
{
	loop_post(app->shared.loop, worker_ended, app);
}

void app_leave(void *arg)
{
	((struct app *)arg)->leaving = true;
}

void app_drain(void *arg)
{
	struct app *app = arg;
	if (atomic_exchange(&app->shared.draining, true))
		return;
	if (app->opening)
		loop_timer_stop(app->opening);
	app->running = app->shared.nthreads;
	for (size_t i = 0; i < app->shared.nthreads; i++)
		worker_drain(app->workers[i]);
}

void app_stop(struct app *app)
{
	for (size_t i = 0; i < app->shared.nthreads && app->workers[i]; i++)
		worker_join(app->workers[i]);
	sampler_free(&app->shared.sampler);
	feeds_free(&app->shared.feeds);
	tail_free(&app->shared.tail);
	record_at_free(&app->shared.authors);
	id_tail_free(&app->shared.id_tail);
	write_log_free(&app->shared.write_log, CLOCK_S(5));
	stores_free(&app->shared.stores);
	backlog_free(&app->shared.backlog);
	epoch_free(&app->shared.epoch);
	admin_free(&app->admin);
	loop_timer_free(&app->opening);
	tracer_free(&app->shared.tracer);
}

void app_free(struct app *app)
{
	for (size_t i = 0; i < app->shared.nthreads; i++)
		worker_free(&app->workers[i]);
	access_log_stop(&app->shared);
	loop_free(&app->shared.loop);
	assets_free(&app->shared.assets); /* may have headers of the guard */
	guard_free(&app->guard);
	credentials_free(&app->shared.credentials);
	admission_free(&app->admission);
	l1_free(&app->shared.l1);
	floors_free(&app->shared.floors);
	outcomes_free(&app->shared.outcomes);
	singleflight_free(&app->shared.singleflight);
	id_blocks_free(&app->shared.ids);
	id_log_free(&app->shared.id_log);
	schema_ready_free(&app->shared.migrated);
	clients_free(&app->shared.clients);
	tls_server_free(&app->tls);
	reload_settings_free(&app->reload_settings);
	reload_free(&app->reload);
	free(app->shared.threads);
	free(app->workers);
	for (size_t i = 0; i < app->shared.nthreads; i++)
		api_exemplars_free(&app->shared.exemplars[i]);
	free(app->shared.exemplars);
	collection_metrics_free(
	    app->shared.collection_metrics, app->shared.nthreads);
	free(app->shared.metrics);
	free(app->shared.metric_sets);
}
