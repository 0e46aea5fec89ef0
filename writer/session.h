/* Postgres for a command that ends: blocking, and patient with servers that are
 * still starting.
 */
#pragma once

#include "common/err.h"

#include <libpq-fe.h>
#include <stdbool.h>

/* One command at a time: "sluice" in ASCII. */
#define SESSION_LOCK "SELECT pg_advisory_xact_lock(126942509523813)"

/* What Postgres knows these sessions by: they may take their time. */
#define SESSION_NAME "sluice-migrate"

/* Waits up to a minute; PQfinish it. *out is NULL on failure. */
struct err session_open(const char *url, PGconn **out);
/* A script. The code of an error is its SQLSTATE. */
struct err session_run(PGconn *c, const char *sql);
/* What the last command said. */
struct err session_failed(PGconn *c);
/* Says why, now and then, and sleeps a second; false: a minute is over. */
bool session_wait(int *waited, const char *what, const char *why);
