/* SQLSTATE to the kind of an error: one table, common/postgres/sqlstate.def. */
#pragma once

#include "common/base/err.h"

#include <stdbool.h>

/* The exact code first, then its class; RETRY for what is not listed. */
enum err_kind sqlstate_kind(const char *code);

/* A table, a column or a schema is missing, or may not be read: --migrate, or
 * an operator, mends that. Asking again meanwhile leaves an error in the
 * server's log each time. */
bool sqlstate_is_unmigrated(const char *code);
