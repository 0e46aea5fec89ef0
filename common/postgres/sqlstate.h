/* The kind of an error by its SQLSTATE: one table,
 * common/postgres/sqlstate.def. */
#pragma once

#include "common/base/err.h"

#include <stdbool.h>

/* The exact code first, then its class; RETRY for what is not listed. */
enum err_kind sqlstate_kind(const char *code);

/* Is a table, a column or a schema missing, or may it not be read? Then
 * --migrate or an operator must act. Until then each new attempt leaves an
 * error in the server's log. */
bool sqlstate_is_unmigrated(const char *code);
