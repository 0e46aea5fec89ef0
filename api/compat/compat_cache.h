/* The cache routes of the reference systems: POST /cache/clear, POST
 * /clear-cache, GET /cache/performance. */
#pragma once

#include "api/core/route.h"

extern const struct feature clear_feature, measure_feature;
