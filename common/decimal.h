/* Exact decimal numbers, as Postgres's numeric has them (pure core): nothing
 * is ever rounded to a double.
 */
#pragma once

#include "common/jsonraw.h"

#include <stdint.h>

/* Does the JSON number fit a numeric column? */
bool decimal_fits(struct jsonraw number);
/* Appends a + b, with as many digits behind the point as the longer one has.
 * False: it does not fit. */
bool decimal_add(struct buf *out, struct jsonraw a, struct jsonraw b);
/* -1, 0, 1: a < b, a = b, a > b; of any JSON numbers, however large. */
int decimal_compare(struct jsonraw a, struct jsonraw b);
/* The number, if it is an integer of 64 bits: 7, but also 7.0 and 7e2. */
bool decimal_int64(struct jsonraw number, int64_t *out);
