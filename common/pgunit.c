#include "common/pgunit.h"

#include "common/check.h"
#include "common/mem.h"
#include "common/sqlstate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum { NAME_LEN = 18 }; /* "s" and 16 hex digits */

struct pgunit {
	struct pgunit *next;
	pg_done done;
	void *arg;
	size_t nqueries;
	/* Per statement: the hash of its text where a PREPARE result comes in
	 * front of its own, else 0. */
	uint64_t *prepares;
	size_t at;     /* the statement whose results come now */
	bool prepared; /* its PREPARE result was seen */
	mono_us_t sent_at;
	struct pg_reply reply;
};

void pgunits_init(struct pgunits *u)
{
	*u = (struct pgunits){.last = &u->first};
}

void pgunits_reconnected(struct pgunits *u)
{
	u->nprepared = 0;
	u->leave = NULL;
}

void pgunits_free(struct pgunits *u)
{
	CHECK(u->first == NULL);
	free(u->prepared);
	*u = (struct pgunits){0};
}

mono_us_t pgunits_oldest(const struct pgunits *u)
{
	return u->first->sent_at;
}

/* --- sending ------------------------------------------------------------- */

static bool is_prepared(const struct pgunits *u, uint64_t hash)
{
	for (size_t i = 0; i < u->nprepared; i++) {
		if (u->prepared[i] == hash)
			return true;
	}
	return false;
}

/* A statement that failed to be prepared is not there next time. */
static void forget_prepared(struct pgunits *u, uint64_t hash)
{
	for (size_t i = 0; i < u->nprepared; i++) {
		if (u->prepared[i] == hash)
			u->prepared[i--] = u->prepared[--u->nprepared];
	}
}

/* Returns the hash where the statement had to be prepared first, else 0. */
static uint64_t send_query(
    struct pgunits *u, PGconn *conn, const struct pg_query *q)
{
	uint64_t hash = XXH3_64bits(q->sql, strlen(q->sql));
	char name[NAME_LEN];
	snprintf(name, sizeof name, "s%016llx", (unsigned long long)hash);
	bool prepare = !is_prepared(u, hash);
	if (prepare) {
		PQsendPrepare(conn, name, q->sql, q->nparams, q->types);
		MEM_GROW(u->prepared, u->cap, u->nprepared);
		u->prepared[u->nprepared++] = hash;
	}
	PQsendQueryPrepared(conn, name, q->nparams, q->values, q->lengths,
	    q->formats, q->result_format);
	return prepare ? hash : 0;
}

void pgunits_send(struct pgunits *u, PGconn *conn,
    const struct pg_query *queries, size_t n, pg_done done, void *arg)
{
	struct pgunit *unit = MEM_NEW(struct pgunit);
	unit->done = done;
	unit->arg = arg;
	unit->nqueries = n;
	unit->prepares = mem_zalloc(n * sizeof *unit->prepares);
	unit->reply.results = mem_zalloc(n * sizeof *unit->reply.results);
	unit->sent_at = clock_mono();
	for (size_t i = 0; i < n; i++)
		unit->prepares[i] = send_query(u, conn, &queries[i]);
	PQpipelineSync(conn);
	*u->last = unit;
	u->last = &unit->next;
	u->n++;
}

/* --- results ------------------------------------------------------------- */

static void finish(struct pgunits *u)
{
	struct pgunit *unit = u->first;
	bool ok = unit->reply.err.verdict == VERDICT_OK;
	u->first = unit->next;
	if (u->first == NULL)
		u->last = &u->first;
	u->n--;
	unit->reply.n = ok ? unit->nqueries : 0;
	unit->done(unit->arg, &unit->reply);
	for (size_t i = 0; i < unit->nqueries; i++)
		PQclear(unit->reply.results[i]);
	free(unit->reply.results);
	free(unit->prepares);
	free(unit);
}

void pgunits_fail(struct pgunits *u, const char *why)
{
	while (u->first) {
		/* What the server said before is the better reason. */
		if (u->first->reply.err.verdict == VERDICT_OK)
			u->first->reply.err =
			    err_make(VERDICT_RETRY, "08006", "%s", why);
		finish(u);
	}
}

/* A failover: the next one in the list of hosts may be the primary. Or somebody
 * between us and the server gave us another session, or the tables changed:
 * in a new session all is prepared anew. */
static const char *why_leave(const char *code)
{
	if (strcmp(code, "25006") == 0)
		return "the server is read-only";
	if (strcmp(code, "26000") == 0 || strcmp(code, "0A000") == 0)
		return "the session's prepared statements are of no use";
	return NULL;
}

static void note_error(
    struct pgunits *u, struct pgunit *unit, const PGresult *r)
{
	if (unit->reply.err.verdict != VERDICT_OK)
		return; /* the first one counts, the rest are aborted */
	const char *code = PQresultErrorField(r, PG_DIAG_SQLSTATE);
	const char *text = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);
	const char *name = PQresultErrorField(r, PG_DIAG_CONSTRAINT_NAME);
	if (code == NULL)
		code = "08006";
	if (u->leave == NULL)
		u->leave = why_leave(code);
	unit->reply.err = err_make(sqlstate_verdict(code), code, "%s",
	    text ? text : PQresultErrorMessage(r));
	snprintf(unit->reply.constraint, sizeof unit->reply.constraint, "%s",
	    name ? name : "");
}

void pgunits_result(struct pgunits *u, PGresult *r)
{
	struct pgunit *unit = u->first;
	ExecStatusType status = PQresultStatus(r);
	CHECK(unit != NULL);
	if (status == PGRES_PIPELINE_SYNC) {
		PQclear(r);
		finish(u);
		return;
	}
	bool ok = status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK;
	if (!ok && status != PGRES_PIPELINE_ABORTED)
		note_error(u, unit, r);
	if (unit->at == unit->nqueries) {
		/* In the place of the Sync: the server ends the connection
		 * (57P01), and whether it committed is not known. */
		CHECK(!ok);
		PQclear(r);
		return;
	}
	if (unit->prepares[unit->at] && !unit->prepared) {
		unit->prepared = true;
		if (!ok)
			forget_prepared(u, unit->prepares[unit->at]);
		PQclear(r);
		return;
	}
	unit->reply.results[unit->at++] = r;
	unit->prepared = false;
}
