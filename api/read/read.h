/* GET of a document: L1, then a lookup that may be shared, then the answer. */
#pragma once

#include "api/core/route.h"

extern const struct route_ops read_ops;
