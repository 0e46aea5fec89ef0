/* A batch until it is decided: sent, and when its answer is lost, checked and
 * sent again. One batch at a time.
 */
#pragma once

#include "writer/batch/batch.h"

struct attempt;

enum attempt_result {
	ATTEMPT_COMMITTED, /* and announced from here */
	ATTEMPT_RECOVERED, /* committed, but what it did was not heard */
	/* One of its writes is guilty, or all at once are too many, or must
	 * read too much (apply.h: `fits`); none is applied. */
	ATTEMPT_SPLIT,
	ATTEMPT_FENCED,	  /* somebody else moved the watermark */
	ATTEMPT_GIVEN_UP, /* not known, and nobody asks: draining */
};

/* The batch goes to the callee. */
typedef void (*attempt_done)(
    void *arg, enum attempt_result result, struct apply *a);

struct attempt *attempt_new(struct context *x, attempt_done done, void *arg);
/* Takes the batch; `done` comes once, later, unless dropped. */
void attempt_begin(struct attempt *t, struct apply *a);
/* A connection became ready: waits no longer. */
void attempt_hurry(struct attempt *t);
/* Repeats nothing any more. */
void attempt_drain(struct attempt *t);
/* Forgets the batch; with Postgres, it goes on by itself. */
void attempt_drop(struct attempt *t);

/* The batch, or NULL. */
const struct apply *attempt_batch(const struct attempt *t);
/* How long Postgres has not answered; 0: it was asked nothing. */
dur_us_t attempt_unanswered(const struct attempt *t);
/* The last failure that it has not got over; "" for none. */
const char *attempt_trouble(const struct attempt *t);
const char *attempt_state_name(const struct attempt *t);
void attempt_free(struct attempt **t);
