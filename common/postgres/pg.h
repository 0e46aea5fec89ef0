/* One asynchronous Postgres connection on a loop, in pipeline mode.
 *
 * It connects and reconnects by itself, with backoff. A unit is a list of
 * statements in one implicit transaction (one Sync): all of them take effect,
 * or none. Units are answered in the order of submission, each exactly once,
 * never within pg_submit.
 */
#pragma once

#include "common/base/err.h"
#include "common/base/loop.h"
#include "common/postgres/pg_shape.h"

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>

struct pg;

enum pg_type {
	PG_BOOL = 16,
	PG_INT8 = 20,
	PG_INT4 = 23,
	PG_TEXT = 25,
	PG_TEXT_ARRAY = 1009,
	PG_TIMESTAMPTZ = 1184,
	PG_DATE = 1082,
	PG_TIME = 1083,
	PG_TIMESTAMP = 1114,
	PG_NUMERIC = 1700,
	PG_UUID = 2950
};

struct pg_query {
	/* Prepared once per connection, under a name made from the text. Not if
	 * it is `once`: then it is planned for its values, and a great number
	 * of different texts does not stay in the session. */
	const char *sql;
	bool once;
	int nparams;
	const Oid *types;
	const char *const *values; /* NULL entry: SQL null */
	const int *lengths;	   /* for binary ones */
	const int *formats;	   /* 0 text, 1 binary; NULL: all text */
	int result_format;
	/* The result must have this shape. Otherwise the unit fails as if the
	 * connection were lost, with 08P01. */
	struct pg_shape shape;
	/* If it fails, only this statement is undone; the failure is added to
	 * `failures`. The unit must have a BEGIN and the end of its transaction
	 * among its statements. */
	bool tried;
};

struct pg_failure {
	size_t at; /* which statement */
	struct err err;
	/* The constraint's name, if the error has one; otherwise "". */
	char constraint[64];
};

struct pg_reply {
	/* OK, or the error of the first statement that failed, or of the
	 * connection; its kind comes from sqlstate.def. After a lost connection
	 * it is RETRY, and the outcome of the unit is unknown. The code is then
	 * 08006, unless the server had sent an error. */
	struct err err;
	char constraint[64]; /* as in pg_failure */
	/* Of the statements that were tried, in their order. */
	struct pg_failure *failures;
	size_t nfailures;
	/* One per statement, when OK. Freed after the callback returns. */
	PGresult **results;
	size_t n;
};

typedef void (*pg_done)(void *arg, const struct pg_reply *reply);

struct pg_options {
	struct loop *loop;
	const char *name; /* for the log: primary, replica */
	const char *url;
	/* Used unless the URL names another: read-write, any, … */
	const char *session; /* target_session_attrs */
	/* Run after connecting; NULL: none. */
	const char *setup;
	dur_us_t connect_timeout;
	/* If a unit is not answered for so long, the connection is closed. */
	dur_us_t query_timeout;
	/* The connection became ready, or was lost. May be NULL. */
	void (*state)(void *arg, bool ready);
	/* Notifications came (LISTEN, in `setup`). May be NULL. */
	void (*notified)(void *arg);
	void *arg;
};

/* Checks the value of a setting, a URI or key=value pairs, as libpq does. */
struct err pg_check_url(const char *setting, const char *url);

/* May connections of the setting that was `first` use `now` from now on: is it
 * valid, and does it lead to the same hosts, ports and database? Users,
 * passwords and the like may differ. */
struct err pg_check_renewal(
    const char *setting, const char *first, const char *now);

/* `o->url` was checked; renewal_of is used. Starts to connect. Returns owned.
 */
struct pg *pg_new(const struct pg_options *o);
bool pg_ready(const struct pg *pg);
/* Units submitted and not answered. */
size_t pg_pending(const struct pg *pg);
/* Borrows the queries during the call. False: the connection is not ready;
 * nothing was sent, and `done` is not called. */
bool pg_submit(struct pg *pg, const struct pg_query *queries, size_t n,
    pg_done done, void *arg);
/* The last failure to connect; "": none since the last success. */
const char *pg_last_error(const struct pg *pg);
/* Pending units are answered (RETRY) before it returns. */
void pg_free(struct pg **pg);
