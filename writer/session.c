#include "writer/session.h"

#include "common/check.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PATIENCE_S = 60 };

/* Says why, once a second at most; false: the time is over. */
bool session_wait(int *waited, const char *what, const char *why)
{
	if (*waited >= PATIENCE_S)
		return false;
	if (*waited % 5 == 0) {
		printf("waiting for %s: %s\n", what, why);
		fflush(stdout);
	}
	sleep(1);
	(*waited)++;
	return true;
}

static void ignore_notice(void *arg, const char *message)
{
	(void)arg;
	(void)message;
}

struct err session_failed(PGconn *c)
{
	struct err e =
	    err_make(VERDICT_FATAL, "postgres", "%s", PQerrorMessage(c));
	e.msg[strcspn(e.msg, "\n")] = '\0';
	return e;
}

struct err session_open(const char *url, PGconn **out)
{
	const char *const names[] = {"connect_timeout", "application_name",
	    "target_session_attrs", "dbname", NULL};
	const char *const values[] = {
	    "5", SESSION_NAME, "read-write", url, NULL};
	int waited = 0;
	for (;;) {
		*out = PQconnectdbParams(names, values, 1);
		CHECK(*out != NULL);
		if (PQstatus(*out) == CONNECTION_OK)
			break;
		struct err e = session_failed(*out);
		PQfinish(*out);
		*out = NULL;
		if (!session_wait(&waited, "Postgres", e.msg))
			return e;
	}
	PQsetNoticeProcessor(*out, ignore_notice, NULL);
	return ERR_OK;
}

struct err session_run(PGconn *c, const char *sql)
{
	PGresult *r = PQexec(c, sql);
	ExecStatusType status = PQresultStatus(r);
	const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
	struct err e = ERR_OK;
	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
		e = session_failed(c);
		if (state)
			snprintf(e.code, sizeof e.code, "%s", state);
	}
	PQclear(r);
	return e;
}
