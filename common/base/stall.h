/* The longest time that a loop stood still: since the start, and in the last
 * minute (pure core).
 *
 * The loop's thread records, any thread may ask. The minute has six slots of
 * ten seconds, so the answer covers the last 50 to 60 seconds.
 */
#pragma once

#include "common/base/clock.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { STALL_SLOTS = 6 };
#define STALL_SLOT CLOCK_S(10)

struct stall {
	_Atomic dur_us_t ever;
	struct {
		_Atomic int64_t number; /* of ten seconds, since the epoch */
		_Atomic dur_us_t longest;
	} slots[STALL_SLOTS];
};

void stall_note(struct stall *s, mono_us_t now, dur_us_t turn);
dur_us_t stall_ever(const struct stall *s);
dur_us_t stall_recent(const struct stall *s, mono_us_t now);
