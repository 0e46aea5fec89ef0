/* What the modules of a batch share: its life (batch.c), and the units that it
 * sends to Postgres (batch_units.c).
 */
#pragma once

#include "writer/batch/batch.h"
#include "writer/batch/plan.h"

#include "common/base/backoff.h"
#include "common/postgres/pg_pool.h"

enum batch_state {
	STATE_PREFETCH, /* waits for the rows that its writes need */
	STATE_SENT,	/* waits for the answer to the transaction */
	STATE_TRIAL,	/* waits for the trial of its writes */
	STATE_WAIT,	/* waits for the timer */
	STATE_CHECK,	/* waits for the watermarks that Postgres has */
	STATE_TELL,	/* committed; it is announced */
	STATE_DONE,
};

struct batch {
	struct context *x;
	enum batch_state state;
	mono_us_t since; /* when it came into that state */
	/* Must not change while there is a plan, which has their indexes. */
	struct slice **slices;
	size_t n;
	struct batch_plan *plan;  /* in SENT and TRIAL */
	bool trial;		  /* a trial comes next, or is under way */
	bool inserts;		  /* its last plan had plain inserts */
	bool upserts;		  /* such an insert has found a row */
	bool tried;		  /* the trial was done */
	struct pg_request *check; /* in CHECK */
	struct loop_timer *timer;
	struct backoff backoff;
	unsigned fenced;    /* how often the fence refused it */
	unsigned too_much;  /* how often Postgres found it too large */
	struct err missing; /* of a trial: a write refers to no row, as yet */
	bool expects;	    /* rows of other partitions */
	/* Its outcomes were announced, but Postgres refuses it. */
	struct other_partitions *others;
	bool others_there; /* when it was sent, no other was behind */
	bool draining;
	char trouble[160];
	const struct batch_events *events;
	void *arg;
};

/* --- batch.c ------------------------------------------------------------- */

void batch_set_state(struct batch *b, enum batch_state to);
/* Committed: the owners go on, and the batch keeps the slices. */
void batch_hand_over(struct batch *b);
/* Each of these may free the batch. */

/* The slices are announced. */
void batch_announced(struct batch *b);
/* The answer to a unit is an error. */
void batch_failed(struct batch *b, const struct err *e, const char *constraint);
/* The trial is over; so many writes are refused now. */
void batch_tried(struct batch *b, size_t blamed);
/* May the document that the write refers to still come? `operation`: of an
 * atomic batch, the one that failed; otherwise 0. */
bool batch_may_come(const struct batch *b, const struct write *w,
    size_t operation, const struct err *e);
/* No connection is ready. */
void batch_wait_for_connection(struct batch *b);
/* Slices that have no owner, or that read too much, leave. True: the batch is
 * over. */
bool batch_is_cut(struct batch *b);
/* Of the connections that it may use. A slice that waits for a lock of another
 * session does not use the first one. */
size_t batch_first_connection(const struct batch *b);

/* --- batch_units.c ------------------------------------------------------- */

/* Sends the batch, or its trial: first the question for the rows that its
 * writes need, if there is one. */
void batch_send(struct batch *b);
