/* Requests that wait for the tail to pass a position (pure core).
 *
 * One per request thread. Ordered by version within each partition; waits
 * come nearly in order, so that insertion from the back is short.
 */
#pragma once

#include "common/log/version.h"

#include <stdbool.h>
#include <stddef.h>

struct waiters;

/* Embedded in the request; zero-initialised. */
struct wait {
	struct wait *next, *prev;
	struct position position;
	bool waiting;
};

struct waiters *waiters_new(int32_t partitions);
/* Nobody waits any more (CHECK). */
void waiters_free(struct waiters **w);
void waiters_add(struct waiters *w, struct wait *wait, struct position p);
/* Harmless when it does not wait. */
void waiters_remove(struct waiters *w, struct wait *wait);
/* The watermark of the partition is now `through`: takes the first wait whose
 * version is below it out, or returns NULL. Call until NULL. */
struct wait *waiters_pass(
    struct waiters *w, int32_t partition, version_t through);
size_t waiters_count(const struct waiters *w);
