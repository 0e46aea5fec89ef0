/* What the request threads share: only things that any thread may use. */
#pragma once

#include "api/commits/epoch.h"
#include "api/commits/tail.h"
#include "api/metrics.h"
#include "api/read/floors.h"
#include "api/read/l1.h"
#include "api/read/singleflight.h"
#include "api/settings.h"
#include "api/write/id_blocks.h"
#include "api/write/id_log.h"
#include "api/write/outcomes.h"
#include "api/write/write_log.h"
#include "common/kafka/kafka.h"

#include <stdatomic.h>

struct admin;
struct assets;
struct clients;
struct feeds;
struct id_tail;
struct router;
struct schema_ready;
struct backlog;
struct worker;

struct app {
	const struct config *config;
	const struct api_settings *settings;
	struct kafka_config kafka;
	const struct router *routes; /* of the public listener */
	struct loop *loop;	     /* the main one */
	int32_t partitions;
	bool bypass_without_log; /* read.without_log */
	struct l1 *l1;
	struct floors *floors;
	struct outcomes *outcomes;
	struct singleflight *singleflight;
	struct id_blocks *ids;
	struct id_log *id_log;
	struct id_tail *id_tail;
	struct schema_ready *migrated;
	struct assets *assets;
	struct clients *clients; /* any thread */
	bool purges_allowed;	 /* over the public listener */
	/* Counted before a purge begins: what was read before it is not kept
	 * after it (api/admin/purge.h). */
	_Atomic uint64_t purges;
	struct tail *tail;
	struct write_log *write_log;
	struct backlog *backlog;
	struct epoch *epoch;
	struct feeds *feeds;
	int exit_code;
	struct admin *admin;
	struct loop_timer *opening; /* until the public listener opens */
	/* Main loop only: threads that have opened their listeners. */
	size_t listening;
	atomic_size_t taking; /* listeners that take new connections */
	bool leaving; /* main loop only: SIGTERM came; /readyz says 503 */
	atomic_bool draining;
	/* The end, main loop only: threads not done. */
	size_t running;
	size_t held;	       /* main loop only: operators' requests in hand */
	atomic_size_t exports; /* over all threads, against export.max */
	atomic_size_t parked;  /* over all threads, against http.max_parked */
	atomic_size_t bulks;   /* over all threads, against http.max_bulks */
	atomic_size_t changes; /* over all threads, against changes.max */
	struct worker **workers;
	size_t nworkers;
	/* One metrics struct per thread; [0] is the main loop's. */
	struct api_metrics *metrics;
	const void **instances;
};

/* A place among `most`; any thread. False: all are taken. It is given back by
 * taking one off. */
bool app_take_place(atomic_size_t *taken, int64_t most);

void app_init(struct app *app, const struct config *config);
/* Opens the admin listener and starts the threads; servers that are away are
 * waited for. The public listener opens as listen.when has it. */
struct err app_start(struct app *app);
/* The first SIGTERM: /readyz says 503, all else goes on. */
void app_leave(void *app);
/* The main loop stops when all is answered. */
void app_drain(void *app);
/* Main loop: an operator must act. As app_drain, with exit code 1. */
void app_refuse(struct app *app, const struct err *e);
/* A worker's listener is open, or cannot be opened; called on its thread. */
void app_worker_listens(struct app *app, struct err e);
/* A worker's thread ends; called on it. */
void app_worker_done(struct app *app);
/* Main loop: it does not stop between the two. */
void app_hold(struct app *app);
void app_release(struct app *app);
/* After the main loop: ends the threads and the clients. */
void app_stop(struct app *app);
void app_free(struct app *app);
