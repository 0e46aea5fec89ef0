/* Members that stand twice in one object (pure core): JSON lets them, and what
 * they mean differs from reader to reader, so documents must not have any.
 */
#pragma once

#include "common/json/jsonslice.h"

/* The second one's name, in the value or anywhere in it; s NULL: there is
 * none. The value passed jsonslice_scan. */
struct jsonslice jsondup_find(struct jsonslice v);
