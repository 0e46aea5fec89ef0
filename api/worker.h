/* One request thread: a loop with its HTTP listener, its Redis connection, its
 * Postgres pools. A request never leaves its thread.
 */
#pragma once

#include "api/app.h"
#include "api/list/pg_list.h"
#include "api/read/pg_reader.h"
#include "api/write/waiters.h"
#include "common/base/jitter.h"
#include "common/http/httpd.h"
#include "common/redis/redis.h"

#include <pthread.h>

struct changes;
struct request;

struct worker {
	struct app *app;
	size_t index;
	struct loop *loop;
	struct httpd *httpd;
	struct redis *redis;
	struct pg_reader *replica; /* NULL: none configured */
	struct pg_reader *primary;
	struct pg_list *replica_lists; /* likewise */
	struct pg_list *primary_lists;
	struct waiters *waits;
	struct api_metrics *metrics;
	struct export *exports; /* list; see export.c */
	struct request *parked; /* list; see request.c */
	size_t nparked;
	struct changes *changes; /* list; see changes.c */
	size_t lookups; /* in flight, led by this thread; operators' too */
	uint64_t fresh_lookups; /* begun, ever */
	struct loop_timer *sweep;
	struct jitter jitter; /* of entries */
	bool draining;
	mono_us_t drained_since;
	pthread_t thread;
};

/* Binds the listener; the thread runs after worker_run. */
struct err worker_new(struct app *app, size_t index, struct worker **out);
void worker_run(struct worker *w);
/* Any thread: the listener takes connections, and app_worker_listens is called.
 */
void worker_listen(struct worker *w);
/* Any thread: the tail's watermark of a partition moved. */
void worker_moved(struct worker *w, int32_t partition);
/* Any thread: no new connections; what is in hand or on its way is answered,
 * then the thread ends. */
void worker_drain(struct worker *w);
/* Waits for the thread's end. */
void worker_join(struct worker *w);
/* After the join, and after everything that posts to its loop is gone. */
void worker_free(struct worker **w);
