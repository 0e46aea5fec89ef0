#include "api/worker.h"

#include "api/access/credentials.h"
#include "api/access/rate_limit.h"
#include "api/changes/changes.h"
#include "api/commits/tail.h"
#include "api/core/exchange.h"
#include "api/core/guard.h"
#include "api/core/header_budget.h"
#include "api/core/metrics.h"
#include "api/core/request.h"
#include "api/core/settings.h"
#include "api/limits/budget.h"
#include "api/limits/clients.h"
#include "api/list/export.h"
#include "api/list/pg_list.h"
#include "api/read/pg_reader.h"
#include "api/write/id_reserve.h"
#include "api/write/schema_ready.h"
#include "common/base/check.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/base/random.h"
#include "common/cache/l2.h"
#include "common/http/httpd.h"

#include <pthread.h>
#include <stdlib.h>

enum {
	SWEEP_US = 20000,
	REDIS_MAX_PENDING = 100000,
	PG_MAX_WAITING = 20000,
	LISTS_MAX_WAITING = 1000,
};

struct worker {
	struct thread thread;
	struct app *app;
	struct random jitter;
	struct loop_timer *sweep;
	/* A message about watermarks is on its way: it covers those that move
	 * until the worker clears the flag. */
	atomic_bool moved;
	pthread_t pthread;
};

static void worker_finish(struct worker *w);

/* --- the mailbox --------------------------------------------------------- */

static void on_moved(void *arg)
{
	struct worker *w = arg;
	const struct instance *instance = w->thread.instance;
	/* First: a watermark that moves from now on sends another message. */
	atomic_store(&w->moved, false);
	for (int32_t p = 0; p < instance->partitions; p++) {
		if (waiters_any(w->thread.waits, p))
			request_passed(
			    &w->thread, p, tail_through(instance->tail, p));
	}
}

void worker_moved(struct worker *w, int32_t partition)
{
	if (waiters_any(w->thread.waits, partition) &&
	    !atomic_exchange(&w->moved, true))
		loop_post(w->thread.loop, on_moved, w);
}

static void on_listen(void *arg)
{
	struct worker *w = arg;
	if (!atomic_load(&w->thread.instance->draining))
		app_worker_listens(w->app, httpd_open(w->thread.httpd));
}

void worker_listen(struct worker *w)
{
	loop_post(w->thread.loop, on_listen, w);
}

static void worker_on_drain(void *arg)
{
	struct worker *w = arg;
	const struct api_settings *s = w->thread.instance->settings;
	dur_us_t most = s->common.drain_timeout / 4;
	const struct httpd_drain how = {
	    .linger = s->drain_linger < most ? s->drain_linger : most,
	    .receive = s->common.drain_timeout / 2,
	};
	w->thread.draining = true;
	w->thread.drained_since = clock_mono();
	httpd_drain(w->thread.httpd, &how);
}

void worker_drain(struct worker *w)
{
	loop_post(w->thread.loop, worker_on_drain, w);
}

/* --- the sweep ----------------------------------------------------------- */

static void set_gauges(struct worker *w)
{
	struct api_metrics *m = w->thread.metrics;
	metric_set(
	    &m->connections, (int64_t)httpd_connections(w->thread.httpd));
	metric_set(
	    &m->connection_bytes, (int64_t)httpd_memory(w->thread.httpd));
	metric_set(&m->evicted, (int64_t)httpd_evicted(w->thread.httpd));
	metric_set(&m->cut, (int64_t)httpd_cut(w->thread.httpd));
	metric_set(
	    &m->http_malformed, (int64_t)httpd_malformed(w->thread.httpd));
	metric_set(&m->primary_connections,
	    (int64_t)pg_reader_connections(w->thread.primary));
	if (w->thread.replica)
		metric_set(&m->replica_connections,
		    (int64_t)pg_reader_connections(w->thread.replica));
	metric_set(&m->redis_down, !redis_up(w->thread.redis));
	metric_set(&m->replica_down,
	    w->thread.replica && !pg_reader_up(w->thread.replica));
	metric_set(&m->primary_down, !pg_reader_up(w->thread.primary));
}

static void worker_on_sweep(void *arg)
{
	struct worker *w = arg;
	request_sweep(&w->thread);
	export_sweep(&w->thread);
	changes_sweep(&w->thread);
	httpd_tighten(w->thread.httpd, budget_is_tight(&budget_bodies),
	    budget_is_tight(&budget_answers));
	if (!w->thread.draining)
		id_reserve_all(&w->thread);
	if (w->thread.index == 0 && !w->thread.draining)
		schema_ready_tick(&w->thread);
	set_gauges(w);
	if (w->thread.draining && httpd_is_drained(w->thread.httpd) &&
	    w->thread.lookups == 0) {
		worker_finish(w);
		return;
	}
	loop_timer_start(w->sweep, SWEEP_US);
}

/* --- life ---------------------------------------------------------------- */

static size_t share(int64_t total, size_t n)
{
	size_t each = ((size_t)total + n - 1) / n;
	return each ? each : 1;
}

static const struct collection *some_table(void *arg)
{
	const struct thread *t = arg;
	return schema_ready_some(t->instance->migrated);
}

static struct pg_reader *pool(
    struct worker *w, const char *name, const char *url, const char *session)
{
	const struct api_settings *s = w->thread.instance->settings;
	const struct pg_reader_options o = {
	    .loop = w->thread.loop,
	    .name = name,
	    .url = url,
	    .session = session,
	    .min = share(s->pool_min, w->thread.instance->nthreads),
	    .max = share(s->pool_max, w->thread.instance->nthreads),
	    .max_waiting = PG_MAX_WAITING,
	    .timeout = s->pg_timeout,
	    .document_max = (size_t)s->common.document_max,
	    .metrics = w->thread.metrics,
	    .some_table = some_table,
	    .arg = &w->thread,
	};
	return pg_reader_new(&o);
}

static struct pg_list *list_pool(
    struct worker *w, const char *name, const char *url, const char *session)
{
	const struct api_settings *s = w->thread.instance->settings;
	const struct pg_list_options o = {
	    .loop = w->thread.loop,
	    .name = name,
	    .url = url,
	    .session = session,
	    .max = share(s->list_pool, w->thread.instance->nthreads),
	    .max_waiting = LISTS_MAX_WAITING,
	    .timeout = s->read_timeout,
	    .max_bytes = (size_t)s->list_bytes,
	    .partitions = w->thread.instance->partitions,
	    .metrics = w->thread.metrics,
	};
	return pg_list_new(&o);
}

static void open_stores(struct worker *w)
{
	const struct api_settings *s = w->thread.instance->settings;
	const struct redis_options redis = {
	    .loop = w->thread.loop,
	    .url = s->common.redis_url,
	    .tls = config_redis_tls(&s->common),
	    .scripts = l2_scripts,
	    .nscripts = L2_SCRIPTS,
	    .timeout = s->redis_timeout,
	    .max_pending = REDIS_MAX_PENDING,
	};
	w->thread.redis = redis_new(&redis);
	w->thread.primary =
	    pool(w, "primary", s->common.primary_url, "read-write");
	w->thread.primary_lists =
	    list_pool(w, "primary", s->common.primary_url, "read-write");
	if (s->replica_urls[0] == '\0')
		return;
	w->thread.replica =
	    pool(w, "replica", s->replica_urls, "prefer-standby");
	w->thread.replica_lists =
	    list_pool(w, "replica", s->replica_urls, "prefer-standby");
}

static struct conn_timeout_limits pace_of(const struct api_settings *s)
{
	return (struct conn_timeout_limits){
	    .first = s->first_timeout,
	    .idle = s->idle_timeout,
	    .receive = s->receive_timeout,
	    .send = s->send_timeout,
	    .min_send = s->min_send_rate,
	    .grace = s->send_timeout,
	};
}

/* The limits for clients that hold memory of a budget that is nearly used up.
 * Otherwise a few clients that are slow on purpose could keep the memory for
 * half a minute. */
static struct conn_timeout_limits tight_pace_of(const struct api_settings *s)
{
	enum { RATE = 128 * 1024 };
	struct conn_timeout_limits p = pace_of(s);
	p.send = p.grace = CLOCK_S(2);
	p.min_send = p.min_receive = RATE;
	return p;
}

static bool worker_admit(
    void *arg, const struct sockaddr *address, void **client)
{
	const struct thread *t = arg;
	struct client *c;
	bool admitted = clients_enter(t->instance->clients, address, &c);
	*client = c;
	return admitted;
}

static void worker_leave(void *client)
{
	struct client *c = client;
	clients_leave(&c);
}

struct err worker_new(struct app *app, size_t index, struct worker **out)
{
	struct worker *w = MEM_NEW(struct worker);
	const struct api_settings *s = app->shared.settings;
	w->app = app;
	w->thread.instance = &app->shared;
	w->thread.jitter = &w->jitter;
	w->thread.credentials = credentials_thread_new(app->shared.credentials);
	w->thread.index = index;
	w->thread.metrics = &app->shared.metrics[index + 1];
	w->thread.collection_metrics = app->shared.collection_metrics[index];
	w->thread.exemplars = app->shared.exemplars[index];
	random_init(&w->jitter, random_bits());
	w->thread.loop = loop_new();
	const struct httpd_options o = {
	    .loop = w->thread.loop,
	    .address = s->http_listen,
	    .shared = true,
	    .taking = &app->taking,
	    .max_connections =
		(unsigned)share(s->max_connections, app->shared.nthreads),
	    .more_memory = header_budget_of_positions(app->shared.partitions),
	    .pace = pace_of(s),
	    .tight = tight_pace_of(s),
	    .admit = worker_admit,
	    .leave = worker_leave,
	    .tls = app->tls,
	    .ops = &exchange_ops,
	    .arg = &w->thread,
	};
	struct err e = httpd_new(&o, &w->thread.httpd);
	*out = w;
	if (e.kind != ERR_KIND_OK) {
		loop_free(&w->thread.loop);
		free(w);
		*out = NULL;
		return e;
	}
	w->thread.rates = guard_table(app->guard);
	w->thread.waits = waiters_new(app->shared.partitions);
	w->sweep = loop_timer_new(w->thread.loop, worker_on_sweep, w);
	loop_timer_start(w->sweep, SWEEP_US);
	open_stores(w);
	return ERR_OK;
}

static void *worker_thread_main(void *arg)
{
	struct worker *w = arg;
	loop_run(w->thread.loop);
	app_worker_done(w->app);
	return NULL;
}

struct thread *worker_thread(struct worker *w)
{
	return &w->thread;
}

void worker_run(struct worker *w)
{
	CHECK_OS(pthread_create(&w->pthread, NULL, worker_thread_main, w));
}

/* Called on the worker's thread when every request is answered. */
static void worker_finish(struct worker *w)
{
	httpd_free(&w->thread.httpd);
	redis_free(&w->thread.redis);
	pg_reader_free(&w->thread.replica);
	pg_reader_free(&w->thread.primary);
	pg_list_free(&w->thread.replica_lists);
	pg_list_free(&w->thread.primary_lists);
	loop_timer_free(&w->sweep);
	log_event(EV_WORKER_DONE, "thread=%zu", w->thread.index);
	loop_stop(w->thread.loop);
}

void worker_join(struct worker *w)
{
	CHECK_OS(pthread_join(w->pthread, NULL));
}

void worker_free(struct worker **w)
{
	if (*w == NULL)
		return;
	loop_free(&(*w)->thread.loop);
	/* The tail may have looked at it until now. */
	waiters_free(&(*w)->thread.waits);
	rate_table_free(&(*w)->thread.rates);
	credentials_thread_free(&(*w)->thread.credentials);
	free(*w);
	*w = NULL;
}
