/* Where the announcements of some partitions end: the newest mark, and the
 * last offset, of sluice.commits.
 */
#pragma once

#include "writer/core/context.h"
#include "writer/decide/announced.h"

struct last_mark;

struct last_mark_of {
	int32_t partition;
	version_t watermark; /* in Postgres */
	/* Of the log of writes. A mark above it does not count: it would hide a
	 * gap. */
	version_t end;
};

struct last_mark_end {
	int32_t partition;
	bool found;	   /* a mark is there */
	version_t through; /* outcomes were announced up to here */
	/* If `through` is above the watermark: these outcomes, as far as their
	 * marks still exist. Owned; the callee may take it. */
	struct announced *told;
	int64_t last;	/* offset of the last message; -1: none */
	int64_t beyond; /* offset of a mark above the end; -1: none */
	/* Behind the newest message of a format that this version does not
	 * know; 0: none, or a writer of a known format went on behind it. */
	int64_t newer;
};

typedef void (*last_mark_done)(void *arg, struct last_mark_end *ends, size_t n);

struct err last_mark_new(
    struct context *x, last_mark_done done, void *arg, struct last_mark **out);
/* `done` is called once, later, unless stopped; never gives up. */
void last_mark_find(
    struct last_mark *m, const struct last_mark_of *of, size_t n);
void last_mark_stop(struct last_mark *m);
void last_mark_free(struct last_mark **m);
