/* Quantities with units, as settings write them. */
#pragma once

#include "common/base/clock.h"

#include <stdbool.h>
#include <stdint.h>

/* `250ms`, `5s`, `7d`; a bare number is seconds. False: not a duration. */
bool units_parse_duration(const char *s, dur_us_t *out);
/* `64k`, `16MiB`, `1g`; powers of 1024; a bare number is bytes. */
bool units_parse_bytes(const char *s, int64_t *out);
/* The shortest exact form, e.g. `90s`, `16MiB`. `out` has 32 bytes. */
void units_format_duration(dur_us_t v, char out[32]);
void units_format_bytes(int64_t v, char out[32]);
