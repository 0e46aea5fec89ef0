/* Reads the declarations of a deployment, and tells all that is wrong with
 * them.
 *
 * Call it before there are threads.
 */
#pragma once

#include "common/base/err.h"

typedef void (*collections_tell)(void *arg, struct err e);

/* As collections_load (common/schema/collection.h). `tell` hears of each fault
 * of each file, as far as it does not follow from another one. The first one is
 * returned, too. */
struct err collections_load_all(
    const char *paths, collections_tell tell, void *arg);
