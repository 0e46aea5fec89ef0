/* A log line that strangers can cause: at most one a second (pure core).
 *
 * Each one is counted by its caller's metric; the line says how many were not
 * told since the last one.
 */
#pragma once

#include "common/clock.h"

#include <stdbool.h>
#include <stdint.h>

/* Begins as all zeroes. */
struct seldom {
	mono_us_t next; /* not before */
	uint64_t untold;
};

/* True: write the line now; `*untold` is how many came and were not told since
 * the last one. */
bool seldom_tells(struct seldom *s, mono_us_t now, uint64_t *untold);
