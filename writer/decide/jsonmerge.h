/* JSON merge patches (RFC 7396) on the bytes that values are written in (pure
 * core).
 */
#pragma once

#include "common/json/jsonslice.h"

/* Appends what the patch makes of the target (none: there was nothing). Both
 * passed jsonslice_scan. Of members with equal names the last one counts. */
void jsonmerge(
    struct buf *out, struct jsonslice target, struct jsonslice patch);
