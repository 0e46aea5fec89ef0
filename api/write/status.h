/* GET /v1/_writes/{position}: the outcome of a write. */
#pragma once

#include "api/core/route.h"

extern const struct feature status_feature;
