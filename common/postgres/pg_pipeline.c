#include "common/postgres/pg_pipeline.h"

#include "common/base/check.h"
#include "common/base/hash.h"
#include "common/base/mem.h"
#include "common/postgres/sqlstate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_LEN = 18 }; /* "s" and 16 hex digits */

/* For a statement that is tried: what the next result belongs to. */
enum phase {
	PHASE_BEFORE, /* SAVEPOINT */
	PHASE_STATEMENT,
	PHASE_RELEASE,
	PHASE_BEHIND, /* SAVEPOINT */
	PHASE_BACK,   /* ROLLBACK TO */
	PHASE_DONE,   /* RELEASE */
};

static const struct pg_query savepoint = {.sql = "SAVEPOINT tried"};
static const struct pg_query rollback_to = {.sql = "ROLLBACK TO tried"};
static const struct pg_query release = {.sql = "RELEASE tried"};

struct pg_pipeline {
	struct pg_pipeline *next;
	pg_done done;
	void *arg;
	/* The hashes of the texts that the unit prepares first. */
	uint64_t *prepares;
	size_t nprepares, prepares_cap;
	size_t prepared; /* how many of them were answered */
	bool *tried;	 /* per statement */
	struct pg_shape *shapes;
	size_t nqueries;
	size_t at; /* the statement whose results come now */
	enum phase phase;
	size_t syncs; /* still to come */
	size_t failures_cap;
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

/* The statement could not be prepared, so the session does not have it. */
static void forget_prepared(struct pgunits *u, uint64_t hash)
{
	for (size_t i = 0; i < u->nprepared; i++) {
		if (u->prepared[i] == hash)
			u->prepared[i--] = u->prepared[--u->nprepared];
	}
}

static uint64_t pg_pipeline_name_of(
    const struct pg_query *q, char name[NAME_LEN])
{
	uint64_t hash = hash_bytes(q->sql, strlen(q->sql));
	snprintf(name, NAME_LEN, "s%016llx", (unsigned long long)hash);
	return hash;
}

static void add_sync(struct pg_pipeline *unit, PGconn *conn)
{
	PQpipelineSync(conn);
	unit->syncs++;
}

static void prepare(struct pgunits *u, struct pg_pipeline *unit, PGconn *conn,
    const struct pg_query *q)
{
	char name[NAME_LEN];
	uint64_t hash = pg_pipeline_name_of(q, name);
	if (q->once || is_prepared(u, hash))
		return;
	PQsendPrepare(conn, name, q->sql, q->nparams, q->types);
	add_sync(unit, conn);
	MEM_GROW(u->prepared, u->cap, u->nprepared);
	u->prepared[u->nprepared++] = hash;
	MEM_GROW(unit->prepares, unit->prepares_cap, unit->nprepares);
	unit->prepares[unit->nprepares++] = hash;
}

static void send_query(PGconn *conn, const struct pg_query *q)
{
	char name[NAME_LEN];
	if (q->once) {
		PQsendQueryParams(conn, q->sql, q->nparams, q->types, q->values,
		    q->lengths, q->formats, q->result_format);
		return;
	}
	pg_pipeline_name_of(q, name);
	PQsendQueryPrepared(conn, name, q->nparams, q->values, q->lengths,
	    q->formats, q->result_format);
}

static void send_tried(
    struct pg_pipeline *unit, PGconn *conn, const struct pg_query *q)
{
	send_query(conn, &savepoint);
	send_query(conn, q);
	send_query(conn, &release);
	send_query(conn, &savepoint);
	add_sync(unit, conn);
	send_query(conn, &rollback_to);
	send_query(conn, &release);
	add_sync(unit, conn);
}

void pgunits_send(struct pgunits *u, PGconn *conn,
    const struct pg_query *queries, size_t n, pg_done done, void *arg)
{
	struct pg_pipeline *unit = MEM_NEW(struct pg_pipeline);
	unit->done = done;
	unit->arg = arg;
	unit->nqueries = n;
	unit->tried = mem_zalloc(n * sizeof *unit->tried);
	unit->shapes = mem_zalloc(n * sizeof *unit->shapes);
	unit->reply.results = mem_zalloc(n * sizeof *unit->reply.results);
	unit->sent_at = clock_mono();
	bool any = false;
	for (size_t i = 0; i < n; i++) {
		prepare(u, unit, conn, &queries[i]);
		unit->tried[i] = queries[i].tried;
		unit->shapes[i] = queries[i].shape;
		any = any || queries[i].tried;
	}
	if (any) {
		prepare(u, unit, conn, &savepoint);
		prepare(u, unit, conn, &rollback_to);
		prepare(u, unit, conn, &release);
	}
	for (size_t i = 0; i < n; i++) {
		if (queries[i].tried)
			send_tried(unit, conn, &queries[i]);
		else
			send_query(conn, &queries[i]);
	}
	add_sync(unit, conn);
	*u->last = unit;
	u->last = &unit->next;
	u->n++;
}

/* --- results ------------------------------------------------------------- */

static void pg_pipeline_finish(struct pgunits *u)
{
	struct pg_pipeline *unit = u->first;
	bool ok = unit->reply.err.kind == ERR_KIND_OK;
	u->first = unit->next;
	if (u->first == NULL)
		u->last = &u->first;
	u->n--;
	unit->reply.n = ok ? unit->nqueries : 0;
	unit->done(unit->arg, &unit->reply);
	for (size_t i = 0; i < unit->nqueries; i++)
		PQclear(unit->reply.results[i]);
	free(unit->reply.results);
	free(unit->reply.failures);
	free(unit->prepares);
	free(unit->tried);
	free(unit->shapes);
	free(unit);
}

void pgunits_fail(struct pgunits *u, const char *why)
{
	while (u->first) {
		/* An error that the server reported is the better reason. */
		if (u->first->reply.err.kind == ERR_KIND_OK)
			u->first->reply.err =
			    err_make(ERR_KIND_RETRY, "08006", "%s", why);
		pg_pipeline_finish(u);
	}
}

/* Why the connection must be replaced; NULL: it need not be. After a failover,
 * the next host in the list may be the primary. If a pooler between us and the
 * server gave us another session, or if the tables changed, a new session
 * prepares everything again. */
static const char *why_leave(const char *code)
{
	if (strcmp(code, "25006") == 0)
		return "the server is read-only";
	if (strcmp(code, "26000") == 0 || strcmp(code, "0A000") == 0)
		return "the session's prepared statements are unusable";
	return NULL;
}

static void read_error(
    struct pgunits *u, const PGresult *r, struct pg_failure *out)
{
	const char *code = PQresultErrorField(r, PG_DIAG_SQLSTATE);
	const char *text = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);
	const char *name = PQresultErrorField(r, PG_DIAG_CONSTRAINT_NAME);
	if (code == NULL)
		code = "08006";
	if (u->leave == NULL)
		u->leave = why_leave(code);
	out->err = err_make(sqlstate_kind(code), code, "%s",
	    text ? text : PQresultErrorMessage(r));
	snprintf(
	    out->constraint, sizeof out->constraint, "%s", name ? name : "");
}

static void note_error(
    struct pgunits *u, struct pg_pipeline *unit, const PGresult *r)
{
	struct pg_failure f;
	if (unit->reply.err.kind != ERR_KIND_OK)
		return; /* the first error counts; the rest were aborted */
	read_error(u, r, &f);
	unit->reply.err = f.err;
	memcpy(unit->reply.constraint, f.constraint, sizeof f.constraint);
}

static void note_failure(
    struct pgunits *u, struct pg_pipeline *unit, const PGresult *r)
{
	struct pg_reply *reply = &unit->reply;
	MEM_GROW(reply->failures, unit->failures_cap, reply->nfailures);
	struct pg_failure *f = &reply->failures[reply->nfailures++];
	f->at = unit->at;
	read_error(u, r, f);
}

/* The server does not follow the protocol: the connection is given up. The
 * outcome of the unit is unknown. */
static void distrust(struct pgunits *u)
{
	static const char why[] = "Postgres sent an unexpected result";
	if (u->first && u->first->reply.err.kind == ERR_KIND_OK)
		u->first->reply.err =
		    err_make(ERR_KIND_RETRY, "08P01", "%s", why);
	if (u->leave == NULL)
		u->leave = why;
}

static void take_prepared(
    struct pgunits *u, struct pg_pipeline *unit, PGresult *r, bool ok)
{
	if (!ok)
		forget_prepared(u, unit->prepares[unit->prepared]);
	unit->prepared++;
	PQclear(r);
}

static void pg_pipeline_keep(
    struct pgunits *u, struct pg_pipeline *unit, PGresult *r, bool ok)
{
	if (ok && !pg_shape_fits(unit->shapes[unit->at], r))
		distrust(u);
	unit->reply.results[unit->at] = r;
}

static void take_tried(
    struct pgunits *u, struct pg_pipeline *unit, PGresult *r, bool ok)
{
	if (unit->phase == PHASE_STATEMENT)
		pg_pipeline_keep(u, unit, r, ok);
	else
		PQclear(r);
	if (unit->phase++ < PHASE_DONE)
		return;
	unit->phase = PHASE_BEFORE;
	unit->at++;
}

static void take_sync(struct pgunits *u, struct pg_pipeline *unit)
{
	if (--unit->syncs)
		return;
	if (unit->at < unit->nqueries)
		distrust(u); /* too early */
	pg_pipeline_finish(u);
}

void pgunits_result(struct pgunits *u, PGresult *r)
{
	struct pg_pipeline *unit = u->first;
	ExecStatusType status = PQresultStatus(r);
	if (unit == NULL) {
		distrust(u);
		PQclear(r);
		return;
	}
	if (status == PGRES_PIPELINE_SYNC) {
		PQclear(r);
		take_sync(u, unit);
		return;
	}
	bool ok = status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK;
	if (!ok && status != PGRES_PIPELINE_ABORTED &&
	    status != PGRES_FATAL_ERROR)
		distrust(u); /* COPY: libpq would return it again and again */
	bool preparing = unit->prepared < unit->nprepares;
	bool trying =
	    !preparing && unit->at < unit->nqueries && unit->tried[unit->at];
	if (!ok && status != PGRES_PIPELINE_ABORTED) {
		if (trying && unit->phase == PHASE_STATEMENT)
			note_failure(u, unit, r);
		else
			note_error(u, unit, r);
	}
	if (preparing) {
		take_prepared(u, unit, r, ok);
	} else if (trying) {
		take_tried(u, unit, r, ok);
	} else if (unit->at == unit->nqueries) {
		/* An error instead of the Sync: the server ends the connection
		 * (57P01), and it is unknown whether it committed. */
		if (ok)
			distrust(u);
		PQclear(r);
	} else {
		pg_pipeline_keep(u, unit, r, ok);
		unit->at++;
	}
}
