/* Durations of the load generator, kept one by one. */
#pragma once

#include "common/base/clock.h"

#include <stddef.h>
#include <stdint.h>

struct samples {
	uint32_t *us;
	size_t n, cap;
};

void samples_add(struct samples *s, dur_us_t us);
/* Prints `"NAME":{"samples":N,"p50_ms":...,"p99_ms":...,"max_ms":...}`; sorts
 * them. */
void samples_print(struct samples *s, const char *name);
void samples_free(struct samples *s);
