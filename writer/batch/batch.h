/* One batch on its way into Postgres: one unit, one transaction.
 *
 * fence; per collection the deletes, then the upserts; what is noted beside
 * them. In front of it, where writes need to know, a unit that reads.
 */
#pragma once

#include "writer/core/context.h"
#include "writer/decide/dedup.h"
#include "writer/decide/write.h"

struct batch;
struct prefetch;
/* `e` is OK: the batch is committed, and announced from here; or, of a trial,
 * it is over; or nothing was done, since it `fits` not. */
typedef void (*batch_done)(
    struct batch *a, const struct err *e, const char *constraint);

struct batch {
	struct context *x;
	int32_t partition;
	version_t from;
	version_t to;
	struct write *writes; /* owned */
	size_t n;
	size_t bytes;
	size_t most; /* bytes of rows that it may read */
	size_t fits; /* less than n: more writes than that must read more */
	batch_done done;
	/* Whoever waits for it; NULL: the partition was given away. */
	void *owner;
	struct dedup *producers; /* the owner's */
	uint64_t announce_as;
	version_t told; /* up to there outcomes were told before */
	mono_us_t sent_at;
	struct prefetch *lookup; /* while Postgres is asked */
	bool asking;		 /* it is */
	struct batch_plan *plan; /* while it is with Postgres */
	bool trial;		 /* what is there is only to learn from */
	bool tried;		 /* once is enough */
	size_t blamed;		 /* in the trial: refused from then on */
};

/* Takes the writes (n > 0, contents and array) of [from, last + 1). `most`:
 * bytes of rows that they may read, if it is more than one. */
struct batch *batch_new(struct context *x, int32_t partition, version_t from,
    struct write *writes, size_t n, size_t most);
/* False: no connection is ready. `done` comes once, later, and may free it. */
bool batch_submit(struct batch *a);
/* For a batch that was rejected: refuses the writes that are guilty (plan.h),
 * and changes nothing in the database. Otherwise like batch_submit. */
bool batch_try(struct batch *a);
/* The array and its writes go to the caller. */
struct write *batch_take_writes(struct batch *a);
/* Not while it is with Postgres. */
void batch_free(struct batch **a);
