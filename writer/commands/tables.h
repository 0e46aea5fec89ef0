/* --migrate for the tables of the collections: creates them, or adds to them.
 */
#pragma once

#include "common/base/err.h"

#include <libpq-fe.h>
#include <stdbool.h>

/* Runs in the caller's transaction. Prints each statement before it runs it,
 * and the differences that are left to the operator; with `dry` it only prints.
 * `triggers`: also makes those that note changes by other programs.
 * FATAL: a difference with which a writer cannot work. */
struct err tables_migrate(PGconn *c, bool dry, bool triggers);
