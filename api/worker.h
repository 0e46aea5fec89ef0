/* Makes and ends one request thread (struct thread, api/core/instance.h): a
 * loop with its HTTP listener, its Redis connection, and its Postgres pools. A
 * request never leaves its thread.
 */
#pragma once

#include "api/app.h"

struct worker;

/* Binds the listener. The thread begins with worker_run. */
struct err worker_new(struct app *app, size_t index, struct worker **out);
/* The thread as its requests see it; borrowed. */
struct thread *worker_thread(struct worker *w);
void worker_run(struct worker *w);
/* Any thread: the listener begins to take connections; app_worker_listens is
 * called.
 */
void worker_listen(struct worker *w);
/* Any thread, after the tail moved the watermark of a partition: wakes the
 * thread if a request waits for it. */
void worker_moved(struct worker *w, int32_t partition);
/* Any thread: takes no new connections. The requests that have come are
 * answered; then the thread ends. */
void worker_drain(struct worker *w);
/* Waits for the thread's end. */
void worker_join(struct worker *w);
/* To be called after the join, and after everything that posts to its loop has
 * ended. */
void worker_free(struct worker **w);
