/* Requests that wait for the tail to pass a position (pure core).
 *
 * One per request thread. Ordered by version within each partition; waits
 * come nearly in order, so that insertion from the back is short.
 */
#pragma once

#include "common/log/version.h"

#include <stdbool.h>
#include <stddef.h>

struct waits;

/* Embedded in the request; zero-initialised. */
struct wait {
	struct wait *next, *prev;
	struct position position;
	bool waiting;
};

struct waits *waits_new(int32_t partitions);
/* Nobody waits any more (CHECK). */
void waits_free(struct waits **w);
void waits_add(struct waits *w, struct wait *wait, struct position p);
/* Harmless when it does not wait. */
void waits_remove(struct waits *w, struct wait *wait);
/* The watermark of the partition is now `through`: takes the first wait whose
 * version is below it out, or returns NULL. Call until NULL. */
struct wait *waits_pass(struct waits *w, int32_t partition, version_t through);
size_t waits_count(const struct waits *w);
