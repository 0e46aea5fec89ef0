/* Sends a batch until it is decided. If the answer is lost, Postgres's
 * watermark says whether the batch was committed; if not, it is sent again. One
 * batch at a time.
 */
#pragma once

#include "writer/batch/batch.h"

struct batch_retry;

enum batch_retry_result {
	BATCH_RETRY_COMMITTED, /* the batch announces itself (batch.h) */
	BATCH_RETRY_RECOVERED, /* committed, but its results were lost */
	/* Not applied; try again with smaller batches. One of its writes was
	 * rejected, or the batch exceeds a limit of the server, or it must read
	 * too much (batch.h: `fits`). */
	BATCH_RETRY_SPLIT,
	BATCH_RETRY_FENCED,   /* another writer moved the watermark */
	BATCH_RETRY_GIVEN_UP, /* a drain began before its outcome was known */
};

/* The callee takes the batch. */
typedef void (*batch_retry_done)(
    void *arg, enum batch_retry_result result, struct batch *a);

struct batch_retry *batch_retry_new(
    struct context *x, batch_retry_done done, void *arg);
/* Takes the batch; `done` comes once, later, unless dropped. */
void batch_retry_begin(struct batch_retry *t, struct batch *a);
/* A connection became ready: waits no longer. */
void batch_retry_hurry(struct batch_retry *t);
/* Repeats nothing any more. */
void batch_retry_drain(struct batch_retry *t);
/* Forgets the batch. If Postgres has it, it may still be committed. */
void batch_retry_drop(struct batch_retry *t);

/* The batch, or NULL. */
const struct batch *batch_retry_batch(const struct batch_retry *t);
/* How long Postgres has not answered; 0: no answer is due. */
dur_us_t batch_retry_unanswered(const struct batch_retry *t);
/* The failure that still holds it up; "": none. */
const char *batch_retry_trouble(const struct batch_retry *t);
const char *batch_retry_state_name(const struct batch_retry *t);
void batch_retry_free(struct batch_retry **t);
