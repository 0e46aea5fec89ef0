/* The routes of the public listener: api/routes.def as a table. */
#pragma once

#include "api/core/route.h"

/* Rows: struct route. */
extern const struct router routes_table;
