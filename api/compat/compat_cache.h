/* A route of the reference systems: GET /cache/performance. (To clear is to
 * purge: api/admin/main_ask.h.) */
#pragma once

#include "api/core/route.h"

extern const struct feature measure_feature;
