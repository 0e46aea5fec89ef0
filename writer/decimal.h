/* Exact sums of decimal numbers, as Postgres's numeric makes them (pure core).
 */
#pragma once

#include "common/jsonraw.h"

/* Does the JSON number fit a numeric column? */
bool decimal_fits(struct jsonraw number);
/* Appends a + b, with as many digits behind the point as the longer one has.
 * False: it does not fit. */
bool decimal_add(struct buf *out, struct jsonraw a, struct jsonraw b);
