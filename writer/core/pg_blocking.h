/* Postgres for a command that ends: blocking, and patient with servers that are
 * still starting.
 */
#pragma once

#include "common/base/clock.h"
#include "common/base/err.h"

#include <libpq-fe.h>
#include <stdbool.h>

/* One command at a time: "sluice" in ASCII. */
#define PG_BLOCKING_LOCK "SELECT pg_advisory_xact_lock(126942509523813)"

/* What Postgres knows these sessions by: they may take their time. */
#define PG_BLOCKING_NAME "sluice-migrate"

/* How long a command waits for servers, in all. */
struct patience {
	mono_us_t until;
	mono_us_t silent_until; /* what it waits for was said */
};

struct patience patience_of(dur_us_t wait);
/* Says why, now and then, and sleeps a second at most; false: it is over. */
bool patience_wait(struct patience *p, const char *what, const char *why);

/* Tries again while there is patience, unless the server has answered that it
 * does not take this user, password or database. PQfinish *out; it is NULL on
 * failure. */
struct err pg_blocking_open(const char *url, struct patience *p, PGconn **out);
/* Pure: did a server refuse who connects (SQLSTATE of class 28, or 3D000)? The
 * message is a verbose one of libpq's. */
bool pg_blocking_is_refused(const char *message);
/* A script. The code of an error is its SQLSTATE. */
struct err pg_blocking_run(PGconn *c, const char *sql);
/* What the last command said. */
struct err pg_blocking_failed(PGconn *c);
