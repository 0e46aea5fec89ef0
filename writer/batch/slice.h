/* The writes of one partition in a batch (writer/batch/batch.h).
 *
 * A slice moves the watermark of its partition from `from` to `to`.
 */
#pragma once

#include "writer/decide/dedup.h"
#include "writer/decide/write.h"

struct batch;
struct partition;
struct prefetch;

struct slice {
	int32_t partition;
	version_t from;
	version_t to;
	struct write *writes; /* owned; in log order */
	size_t n;
	size_t rows;  /* that they may change */
	size_t bytes; /* sum of the writes' `size` */
	/* Bytes of rows that its writes may read, unless it is a single row. */
	size_t most;
	/* Length of the longest prefix of writes that read at most `most`. */
	size_t fits;
	/* The partition, which gets the result; NULL: it was given away. */
	struct partition *owner;
	/* The owner's. Must not be used if there is no owner. */
	struct dedup *producers;
	uint64_t announce_as; /* the owner of its announcement (announce.h) */
	version_t told;	      /* outcomes were announced before, up to here */
	/* It must not share a batch with others. */
	bool alone;
	/* Its writes were tried one by one (plan.h). */
	bool tried;
	struct batch *batch;	 /* that it is in */
	struct prefetch *lookup; /* the rows to read, or that were read */
};

/* Takes the writes (n > 0, contents and array) of [from, last + 1). Returns
 * owned. */
struct slice *slice_new(
    int32_t partition, version_t from, struct write *writes, size_t n);
/* The array and its writes go to the caller. */
struct write *slice_take_writes(struct slice *s);
void slice_free(struct slice **s);
