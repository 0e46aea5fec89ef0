/* Boot and end of the api, and what only they know. Known to api/app.c,
 * api/worker.c and api/main.c; everything else gets what it uses
 * (api/core/instance.h). */
#pragma once

#include "api/core/instance.h"
#include "common/kafka/kafka.h"

struct admin;
struct config;
struct worker;

struct app {
	struct instance shared;
	const struct config *config;
	struct kafka_config kafka;
	struct worker **workers; /* as many as there are threads */
	struct admin *admin;
	struct loop_timer *opening; /* until the public listener opens */
	/* Main loop only: threads that have opened their listeners. */
	size_t listening;
	atomic_size_t taking; /* listeners that take new connections */
	bool leaving;	/* main loop only: SIGTERM came; /readyz says 503 */
	size_t running; /* the end, main loop only: threads not done */
	int exit_code;
};

void app_init(struct app *app, const struct config *config);
/* Opens the admin listener and starts the threads; servers that are away are
 * waited for. The public listener opens as listen.when has it. */
struct err app_start(struct app *app);
/* The first SIGTERM: /readyz says 503, all else goes on. */
void app_leave(void *app);
/* The main loop stops when all is answered. */
void app_drain(void *app);
/* A worker's listener is open, or cannot be opened; called on its thread. */
void app_worker_listens(struct app *app, struct err e);
/* A worker's thread ends; called on it. */
void app_worker_done(struct app *app);
/* After the main loop: ends the threads and the clients. */
void app_stop(struct app *app);
void app_free(struct app *app);
