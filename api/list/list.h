/* GET of a collection: a page of a list, or an export. */
#pragma once

#include "api/core/route.h"

extern const struct feature list_feature;
