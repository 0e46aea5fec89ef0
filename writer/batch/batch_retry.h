/* A batch until it is decided: sent, and when its answer is lost, checked and
 * sent again. One batch at a time.
 */
#pragma once

#include "writer/batch/batch.h"

struct batch_retry;

enum batch_retry_result {
	BATCH_RETRY_COMMITTED, /* and announced from here */
	BATCH_RETRY_RECOVERED, /* committed, but what it did was not heard */
	/* One of its writes is guilty, or all at once are too many, or must
	 * read too much (apply.h: `fits`); none is applied. */
	BATCH_RETRY_SPLIT,
	BATCH_RETRY_FENCED,   /* somebody else moved the watermark */
	BATCH_RETRY_GIVEN_UP, /* not known, and nobody asks: draining */
};

/* The batch goes to the callee. */
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
/* Forgets the batch; with Postgres, it goes on by itself. */
void batch_retry_drop(struct batch_retry *t);

/* The batch, or NULL. */
const struct batch *batch_retry_batch(const struct batch_retry *t);
/* How long Postgres has not answered; 0: it was asked nothing. */
dur_us_t batch_retry_unanswered(const struct batch_retry *t);
/* The last failure that it has not got over; "" for none. */
const char *batch_retry_trouble(const struct batch_retry *t);
const char *batch_retry_state_name(const struct batch_retry *t);
void batch_retry_free(struct batch_retry **t);
