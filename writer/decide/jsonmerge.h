/* JSON merge patches (RFC 7396), applied to the text of JSON values (pure
 * core).
 */
#pragma once

#include "common/json/jsonslice.h"

/* Appends the target with the patch applied (an empty slice: there is no
 * target). Both must have passed jsonslice_scan. Of members with equal names
 * the last one counts. */
void jsonmerge(
    struct buf *out, struct jsonslice target, struct jsonslice patch);
