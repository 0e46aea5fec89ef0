/* How long a store has been behind what this instance has heard of (pure core).
 *
 * The instance notes about once a second how many writes it knows to be
 * decided. A store that has decided fewer is as late as the oldest note that it
 * has not reached. So a lag is exact to a second. It is at most the time since
 * the start, and at most 15 minutes.
 *
 * Postgres's own clock of replay is of no use for this: a replica that has lost
 * its primary believes that it has replayed everything.
 */
#pragma once

#include "common/base/clock.h"

#include <stddef.h>
#include <stdint.h>

enum { LAG_NOTES = 15 * 60 };

/* All zero: nothing was noted. */
struct lag {
	struct lag_note {
		mono_us_t at;
		int64_t decided;
	} notes[LAG_NOTES];
	size_t next; /* notes ever made */
};

/* This instance knows `decided` writes to be decided. If that is fewer than
 * before (the log was moved), what was noted is forgotten. */
void lag_note(struct lag *l, mono_us_t now, int64_t decided);
/* For how long a store that has `reached` so many of them has been behind; 0:
 * it is not. */
dur_us_t lag_of(const struct lag *l, mono_us_t now, int64_t reached);
