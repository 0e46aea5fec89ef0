/* Start and end of the api, and the state that only they need. Only api/app.c,
 * api/app_admin.c, api/new_collections.c, api/worker.c and api/main.c include
 * this header. All other modules get what they use from api/core/instance.h. */
#pragma once

#include "api/core/instance.h"
#include "common/base/metrics.h"
#include "common/kafka/kafka.h"

struct admin;
struct admission;
struct guard;
struct config;
struct reload;
struct reload_settings;
struct tls_server;
struct worker;

struct app {
	struct instance shared;
	const struct config *config;
	struct kafka_config kafka;
	struct worker **workers; /* one per request thread */
	struct admin *admin;
	struct metrics_each each; /* of the collections, for /metrics */
	struct tls_server *tls;	  /* of the public listener; NULL: none */
	struct reload *reload; /* things may be added to it until app_start */
	struct reload_settings *reload_settings;
	struct admission *admission;
	struct guard *guard;
	struct loop_timer *opening; /* runs until the public listener opens */
	/* Main loop only: threads that have opened their listeners. */
	size_t listening;
	atomic_size_t taking; /* listeners that take new connections */
	bool leaving;	      /* main loop only: SIGTERM; /readyz answers 503 */
	size_t running; /* main loop only, at the end: threads that still run */
	int exit_code;
};

void app_init(struct app *app, const struct config *config);
/* Opens the admin listener and starts the threads. It does not wait for servers
 * that are away. The public listener opens later, when the setting listen.when
 * says. */
struct err app_start(struct app *app);
/* The first SIGTERM: /readyz answers 503, everything else goes on. */
void app_leave(void *app);
/* Begins the drain. The main loop stops when all requests are answered. */
void app_drain(void *app);
/* Called on a worker's thread: its listener is open, or could not be opened. */
void app_worker_listens(struct app *app, struct err e);
/* Called on a worker's thread, which is about to end. */
void app_worker_done(struct app *app);
/* After the main loop has stopped: ends the threads and the clients of the
 * servers. */
void app_stop(struct app *app);
void app_free(struct app *app);
