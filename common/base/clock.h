/* Time, typed by name. Pure cores take `now` as a parameter; only edges call
 * these.
 */
#pragma once

#include <stdint.h>

typedef int64_t mono_us_t; /* CLOCK_MONOTONIC, microseconds */
typedef int64_t wall_us_t; /* since 1970 UTC, microseconds */
typedef int64_t dur_us_t;

#define CLOCK_MS(n) ((dur_us_t)(n)*1000)
#define CLOCK_S(n) ((dur_us_t)(n)*1000000)

mono_us_t clock_mono(void);
wall_us_t clock_wall(void);
