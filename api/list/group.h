/* GET /v1/_group/{group}: the documents of a group, of several collections, as
 * of one watermark. */
#pragma once

#include "api/core/route.h"

extern const struct feature group_feature;
