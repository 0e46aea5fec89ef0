/* GET of a collection: a page of a list, or an export; GET of its _export and
 * of its _count. */
#pragma once

#include "api/core/route.h"

extern const struct feature list_feature;
extern const struct feature export_feature;
extern const struct feature count_feature;
