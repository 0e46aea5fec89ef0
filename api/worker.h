/* Makes and ends one request thread (struct thread, api/core/instance.h): a
 * loop with its HTTP listener, its Redis connection, its Postgres pools. A
 * request never leaves its thread.
 */
#pragma once

#include "api/app.h"

struct worker;

/* Binds the listener; the thread runs after worker_run. */
struct err worker_new(struct app *app, size_t index, struct worker **out);
/* What its requests see; borrowed. */
struct thread *worker_thread(struct worker *w);
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
