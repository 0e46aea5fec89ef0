/* Requests that wait until the tail passes a position (pure core).
 *
 * Each request thread has one list per partition, ordered by version. Positions
 * come nearly in order, so that an insertion from the back is short.
 *
 * The tail's thread wakes a request thread only if a request of it waits for
 * the partition. A mark may come while a request begins to wait. So each side
 * first says what it does and then looks at the other: the request is counted
 * and then compares its position with the watermark; the tail moves the
 * watermark and then looks at the count. All four accesses are in one order
 * (memory_order_seq_cst). So at least one side sees the other.
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
/* The watermark may have passed the position before: look at it afterwards. */
void waiters_add(struct waiters *w, struct wait *wait, struct position p);
/* Does nothing if it does not wait. */
void waiters_remove(struct waiters *w, struct wait *wait);
/* The watermark of the partition is now `through`. Removes and returns the
 * first wait whose version is below it; NULL: none. Call until NULL. */
struct wait *waiters_pass(
    struct waiters *w, int32_t partition, version_t through);
/* Any thread: does a request wait for the partition? */
bool waiters_any(const struct waiters *w, int32_t partition);
size_t waiters_count(const struct waiters *w);
