/* One batch on its way into Postgres: one unit, one transaction.
 *
 * The transaction has the fence, the deletes and upserts of each collection,
 * and the side writes (writer/batch/side_writes.h). If writes of the batch
 * depend on their rows, a unit that reads these rows goes before it.
 */
#pragma once

#include "writer/core/context.h"
#include "writer/decide/dedup.h"
#include "writer/decide/write.h"

struct batch;
struct prefetch;
/* `e` is OK in three cases. The batch is committed, and this module announces
 * it. Or it was a trial, which is over. Or nothing was sent, because only the
 * first `fits` writes may be read for. */
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
	size_t fits; /* so many leading writes read at most `most` bytes */
	batch_done done;
	/* The argument of `done`'s owner; NULL: the partition was given away.
	 */
	void *owner;
	struct dedup *producers; /* the owner's */
	uint64_t announce_as;
	version_t told; /* outcomes were announced before, up to here */
	mono_us_t sent_at;
	struct prefetch *lookup; /* the rows to read, or that were read */
	bool asking;		 /* a prefetch is in flight */
	struct batch_plan *plan; /* while it is with Postgres */
	bool trial;		 /* rolled back: only finds the bad writes */
	bool tried;		 /* the trial was done */
	size_t blamed;		 /* writes that the trial refused */
};

/* Takes the writes (n > 0, contents and array) of [from, last + 1). `most`: the
 * maximum bytes of rows that they may read, unless it is a single row. */
struct batch *batch_new(struct context *x, int32_t partition, version_t from,
    struct write *writes, size_t n, size_t most);
/* False: no connection is ready. `done` comes once, later, and may free it. */
bool batch_submit(struct batch *a);
/* For a batch that was rejected: finds and refuses the writes that caused it
 * (plan.h), and changes nothing in the database. Otherwise like batch_submit.
 */
bool batch_try(struct batch *a);
/* The array and its writes go to the caller. */
struct write *batch_take_writes(struct batch *a);
/* Must not be called while the batch is with Postgres. */
void batch_free(struct batch **a);
