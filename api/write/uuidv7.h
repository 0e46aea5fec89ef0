/* UUIDs of version 7 (RFC 9562, 5.7): milliseconds, then random bits (pure
 * core). UUIDs of the same millisecond are not ordered.
 */
#pragma once

#include "common/base/clock.h"

enum { UUIDV7_LEN = 37 };

/* Writes the UUID as text, with its NUL. */
void uuidv7_make(
    wall_us_t now, uint64_t random_a, uint64_t random_b, char out[UUIDV7_LEN]);
