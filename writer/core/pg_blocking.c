#include "writer/core/pg_blocking.h"

#include "common/base/check.h"

#include <ctype.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define TELL_EVERY CLOCK_S(5)
#define PAUSE CLOCK_S(1)
#define CONNECT CLOCK_S(2) /* to be told why not */

struct patience patience_of(dur_us_t wait)
{
	return (struct patience){.until = clock_mono() + wait};
}

static void pg_blocking_pause_for(dur_us_t us)
{
	struct timespec t = {us / 1000000, us % 1000000 * 1000};
	nanosleep(&t, NULL);
}

bool patience_wait(struct patience *p, const char *what, const char *why)
{
	mono_us_t now = clock_mono();
	if (now >= p->until)
		return false;
	if (now >= p->silent_until) {
		printf("waiting for %s: %s\n", what, why);
		p->silent_until = now + TELL_EVERY;
	}
	pg_blocking_pause_for(p->until - now < PAUSE ? p->until - now : PAUSE);
	return true;
}

static void ignore_notice(void *arg, const char *message)
{
	(void)arg;
	(void)message;
}

struct err pg_blocking_failed(PGconn *c)
{
	struct err e =
	    err_make(ERR_KIND_FATAL, "postgres", "%s", PQerrorMessage(c));
	e.msg[strcspn(e.msg, "\n")] = '\0';
	return e;
}

/* `FATAL:  28P01: …`; the first word is in the server's language. */
bool pg_blocking_is_refused(const char *message)
{
	enum { LEN = 5 };
	for (const char *s = message; (s = strstr(s, ":  ")); s++) {
		const char *code = s + 3;
		size_t n = 0;
		while (isupper((unsigned char)code[n]) ||
		       isdigit((unsigned char)code[n]))
			n++;
		if (n == LEN && code[n] == ':' &&
		    (strncmp(code, "28", 2) == 0 ||
			strncmp(code, "3D000", LEN) == 0))
			return true;
	}
	return false;
}

static PGconn *connect(const char *url)
{
	const char *const names[] = {"connect_timeout", "application_name",
	    "target_session_attrs", "dbname", NULL};
	/* Of each host that the URL lists. */
	const char *const values[] = {
	    "5", PG_BLOCKING_NAME, "read-write", url, NULL};
	PGconn *c = PQconnectdbParams(names, values, 1);
	CHECK(c != NULL);
	return c;
}

/* Does the server refuse the user, the password or the database? Then *why has
 * the code, too. Messages have codes only if the verbosity is set before the
 * connection is made. That is possible only with a non-blocking connect, which
 * has no time limit for each host. */
static bool is_hopeless(const char *url, struct err *why)
{
	const char *const names[] = {
	    "application_name", "target_session_attrs", "dbname", NULL};
	const char *const values[] = {
	    PG_BLOCKING_NAME, "read-write", url, NULL};
	PGconn *c = PQconnectStartParams(names, values, 1);
	CHECK(c != NULL);
	PQsetErrorVerbosity(c, PQERRORS_VERBOSE);
	mono_us_t end = clock_mono() + CONNECT;
	PostgresPollingStatusType state = PGRES_POLLING_WRITING;
	while (PQstatus(c) != CONNECTION_BAD && clock_mono() < end &&
	       (state == PGRES_POLLING_READING ||
		   state == PGRES_POLLING_WRITING)) {
		short events =
		    state == PGRES_POLLING_READING ? POLLIN : POLLOUT;
		struct pollfd fd = {.fd = PQsocket(c), .events = events};
		if (poll(&fd, 1, (int)((end - clock_mono()) / 1000) + 1) > 0)
			state = PQconnectPoll(c);
	}
	bool hopeless = PQconnectionNeedsPassword(c) ||
			pg_blocking_is_refused(PQerrorMessage(c));
	if (hopeless)
		*why = pg_blocking_failed(c);
	PQfinish(c);
	return hopeless;
}

struct err pg_blocking_open(const char *url, struct patience *p, PGconn **out)
{
	for (;;) {
		*out = connect(url);
		if (PQstatus(*out) == CONNECTION_OK)
			break;
		struct err e = pg_blocking_failed(*out);
		PQfinish(*out);
		*out = NULL;
		if (is_hopeless(url, &e) ||
		    !patience_wait(p, "Postgres", e.msg))
			return e;
	}
	PQsetNoticeProcessor(*out, ignore_notice, NULL);
	return ERR_OK;
}

struct err pg_blocking_run(PGconn *c, const char *sql)
{
	PGresult *r = PQexec(c, sql);
	ExecStatusType status = PQresultStatus(r);
	const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
	struct err e = ERR_OK;
	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
		e = pg_blocking_failed(c);
		if (state)
			snprintf(e.code, sizeof e.code, "%s", state);
	}
	PQclear(r);
	return e;
}
