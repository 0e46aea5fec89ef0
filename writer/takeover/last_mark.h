/* Where the announcements of some partitions end: the newest mark, and the
 * last offset, of sluice.commits.
 */
#pragma once

#include "writer/context.h"
#include "writer/takeover/announced.h"

struct marks;

struct marks_of {
	int32_t partition;
	version_t watermark; /* in Postgres */
	version_t end; /* of the log of writes: marks above it are ignored */
};

struct marks_end {
	int32_t partition;
	bool found;	   /* a mark is there */
	version_t through; /* up to where outcomes were told */
	/* If that is above the watermark: what they were, as far as the marks
	 * are still there. Owned; the callee may take it. */
	struct announced *told;
	int64_t last; /* offset of the last message; -1: none */
};

typedef void (*marks_done)(void *arg, struct marks_end *ends, size_t n);

struct err marks_new(
    struct context *x, marks_done done, void *arg, struct marks **out);
/* `done` is called once, later, unless stopped; never gives up. */
void marks_find(struct marks *m, const struct marks_of *of, size_t n);
void marks_stop(struct marks *m);
void marks_free(struct marks **m);
