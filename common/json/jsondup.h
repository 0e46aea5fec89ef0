/* Finds duplicate members of an object (pure core). JSON allows them, but
 * readers disagree about their meaning. So documents must not have any.
 */
#pragma once

#include "common/json/jsonslice.h"

/* The name of a duplicate member in the value, at any depth; s NULL: none. The
 * value must have passed jsonslice_scan. */
struct jsonslice jsondup_find(struct jsonslice v);
