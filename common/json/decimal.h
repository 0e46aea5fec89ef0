/* Exact decimal numbers, as Postgres's numeric has them (pure core): nothing
 * is ever rounded to a double.
 */
#pragma once

#include "common/json/jsonslice.h"

#include <stdint.h>

enum {
	/* Maximum digits of Postgres's numeric on either side of the point. */
	DECIMAL_DIGITS_MOST = 16383,
};

/* Does the number have at most `most` digits before the point, and at most as
 * many behind it? An exponent counts as the digits that it stands for. */
bool decimal_fits(struct jsonslice number, size_t most);
/* Appends a + b, with as many digits behind the point as the longer one has.
 * False: one of them, or the sum, does not fit. */
bool decimal_add(
    struct buf *out, struct jsonslice a, struct jsonslice b, size_t most);
/* -1, 0, 1: a < b, a = b, a > b; of any JSON numbers, however large. */
int decimal_compare(struct jsonslice a, struct jsonslice b);
/* The number, if it is an integer of 64 bits: 7, but also 7.0 and 7e2. */
bool decimal_int64(struct jsonslice number, int64_t *out);
