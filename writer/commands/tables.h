/* The tables of the collections: made, or added to, by --migrate. */
#pragma once

#include "common/base/err.h"

#include <libpq-fe.h>
#include <stdbool.h>

/* In a transaction of the caller's. Prints each statement before it runs it,
 * and what is otherwise than declared and is left to the operator; with `dry`
 * it only prints. FATAL: something that a writer cannot do without. */
struct err tables_migrate(PGconn *c, bool dry);
