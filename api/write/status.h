/* GET /v1/_writes/{position}: what became of a write. */
#pragma once

#include "api/core/route.h"

extern const struct feature status_feature;
