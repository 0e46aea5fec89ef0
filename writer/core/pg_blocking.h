/* Blocking Postgres connections for commands such as --migrate. They wait for
 * servers that are still starting.
 */
#pragma once

#include "common/base/clock.h"
#include "common/base/err.h"

#include <libpq-fe.h>
#include <stdbool.h>

/* Lets one command run at a time. The number is "sluice" in ASCII. */
#define PG_BLOCKING_LOCK "SELECT pg_advisory_xact_lock(126942509523813)"

/* The application_name of these sessions: they may run for long. */
#define PG_BLOCKING_NAME "sluice-migrate"

/* How long a command waits for servers, in all. */
struct patience {
	mono_us_t until;
	mono_us_t silent_until; /* prints nothing before this time */
};

struct patience patience_of(dur_us_t wait);
/* Sleeps at most a second, and prints `why` from time to time. False: the time
 * is over. */
bool patience_wait(struct patience *p, const char *what, const char *why);

/* Tries again until the time is over, unless the server refuses the user, the
 * password or the database. Close *out with PQfinish; it is NULL on failure. */
struct err pg_blocking_open(const char *url, struct patience *p, PGconn **out);
/* Pure. Did a server refuse the user, the password or the database (SQLSTATE of
 * class 28, or 3D000)? `message` is a verbose message of libpq. */
bool pg_blocking_is_refused(const char *message);
/* Runs a script. The code of an error is its SQLSTATE. */
struct err pg_blocking_run(PGconn *c, const char *sql);
/* The error of the last command. */
struct err pg_blocking_failed(PGconn *c);
