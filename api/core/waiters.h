/* Requests that wait until the tail passes a position (pure core).
 *
 * Each request thread has one list per partition, ordered by version. Positions
 * come nearly in order, so that an insertion from the back is short.
 */
#pragma once

#include "common/log/version.h"

#include <stdbool.h>
#include <stddef.h>

struct waiters;

/* Embedded in the request; must be zero-initialised. */
struct wait {
	struct wait *next, *prev;
	struct position position;
	bool waiting;
};

/* Returns owned. */
struct waiters *waiters_new(int32_t partitions);
/* No request may wait any more (CHECK). */
void waiters_free(struct waiters **w);
void waiters_add(struct waiters *w, struct wait *wait, struct position p);
/* Does nothing if it does not wait. */
void waiters_remove(struct waiters *w, struct wait *wait);
/* The watermark of the partition is now `through`. Removes and returns the
 * first wait whose version is below it; NULL: none. Call until NULL. */
struct wait *waiters_pass(
    struct waiters *w, int32_t partition, version_t through);
size_t waiters_count(const struct waiters *w);
