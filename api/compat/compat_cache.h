/* The reference systems' routes about the caches: POST /cache/clear and POST
 * /clear-cache, GET /cache/performance. */
#pragma once

#include "api/core/route.h"

extern const struct feature clear_feature, measure_feature;
