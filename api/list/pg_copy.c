#include "api/list/pg_copy.h"

#include "api/list/copy_row.h"
#include "common/base/check.h"
#include "common/base/mem.h"
#include "common/postgres/pg_hosts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum state {
	STATE_CONNECTING,
	STATE_SETUP,	/* SETs and BEGIN */
	STATE_FIRST,	/* the first query */
	STATE_STARTING, /* waits for the first message of COPY */
	STATE_COPYING,
	STATE_ENDING, /* waits for the last message of COPY */
	STATE_ENDED,
	STATE_FAILED,
};

struct pg_copy {
	struct pg_copy_options o;
	char *setup, *copy;
	PGconn *conn;
	uv_poll_t *poll;
	enum state state;
	struct copy_row stream;
	PGresult *first;
	char *row; /* allocated by libpq */
	char error[200];
	bool refused;
};

/* --- the socket ---------------------------------------------------------- */

static void pg_copy_on_poll(uv_poll_t *poll, int status, int events);

static void pg_copy_free_handle(uv_handle_t *h)
{
	free(h);
}

static void pg_copy_unwatch(struct pg_copy *c)
{
	if (c->poll == NULL)
		return;
	uv_poll_stop(c->poll);
	uv_close((uv_handle_t *)c->poll, pg_copy_free_handle);
	c->poll = NULL;
}

static void pg_copy_fail(struct pg_copy *c, const char *why)
{
	snprintf(c->error, sizeof c->error, "%s",
	    why && *why ? why : "connection lost");
	pg_copy_unwatch(c);
	c->state = STATE_FAILED;
}

/* False: libpq has closed the socket already (as in common/postgres/pg.c). */
static bool pg_copy_watch_socket(struct pg_copy *c)
{
	uv_poll_t *poll = MEM_NEW(uv_poll_t);
	if (uv_poll_init(loop_uv(c->o.loop), poll, PQsocket(c->conn)) != 0) {
		free(poll);
		return false;
	}
	poll->data = c;
	c->poll = poll;
	return true;
}

/* While it connects, libpq may use another socket after each step. */
static void pg_copy_watch(struct pg_copy *c, int events)
{
	if (c->state == STATE_CONNECTING)
		pg_copy_unwatch(c);
	if (c->poll == NULL && !pg_copy_watch_socket(c)) {
		pg_copy_fail(c, PQerrorMessage(c->conn));
		return;
	}
	CHECK_OS(uv_poll_start(c->poll, events, pg_copy_on_poll));
}

/* --- the way to the first row -------------------------------------------- */

/* Waits for the answer, and until the socket takes the rest of the statement.
 */
static void await(struct pg_copy *c)
{
	int left = PQflush(c->conn);
	if (left < 0)
		pg_copy_fail(c, PQerrorMessage(c->conn));
	else
		pg_copy_watch(c, UV_READABLE | (left ? UV_WRITABLE : 0));
}

static void sent(struct pg_copy *c, int ok, enum state next)
{
	if (ok)
		c->state = next;
	else
		pg_copy_fail(c, PQerrorMessage(c->conn));
}

static void pg_copy_connect_step(struct pg_copy *c)
{
	switch (PQconnectPoll(c->conn)) {
	case PGRES_POLLING_READING:
		pg_copy_watch(c, UV_READABLE);
		return;
	case PGRES_POLLING_WRITING:
		pg_copy_watch(c, UV_WRITABLE);
		return;
	case PGRES_POLLING_OK:
		pg_copy_unwatch(c);
		CHECK_OS(PQsetnonblocking(c->conn, 1));
		sent(c, PQsendQuery(c->conn, c->setup), STATE_SETUP);
		return;
	case PGRES_POLLING_FAILED:
	case PGRES_POLLING_ACTIVE:
		pg_copy_fail(c, PQerrorMessage(c->conn));
		return;
	}
}

/* A statement has no more results: sends the next one. */
static void next_statement(struct pg_copy *c)
{
	if (c->state == STATE_SETUP)
		sent(c,
		    PQsendQueryParams(
			c->conn, c->o.first, 0, NULL, NULL, NULL, NULL, 1),
		    STATE_FIRST);
	else if (c->state == STATE_FIRST)
		sent(c, PQsendQuery(c->conn, c->copy), STATE_STARTING);
	else
		pg_copy_fail(c, "COPY did not begin");
}

static void take_result(struct pg_copy *c, PGresult *r)
{
	ExecStatusType status = PQresultStatus(r);
	if (status == PGRES_COPY_OUT && c->state == STATE_STARTING) {
		c->state = STATE_COPYING;
		pg_copy_unwatch(c);
	} else if (status == PGRES_TUPLES_OK && c->state == STATE_FIRST) {
		if (!pg_shape_fits(c->o.first_shape, r))
			pg_copy_fail(c,
			    "the result does not have the form of the query");
		PQclear(c->first);
		c->first = r;
		return;
	} else if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
		const char *code = PQresultErrorField(r, PG_DIAG_SQLSTATE);
		c->refused = code && strncmp(code, "22", 2) == 0;
		pg_copy_fail(c, PQresultErrorMessage(r));
	}
	PQclear(r);
}

static void take_results(struct pg_copy *c)
{
	while (c->state < STATE_COPYING && !PQisBusy(c->conn)) {
		PGresult *r = PQgetResult(c->conn);
		if (r)
			take_result(c, r);
		else
			next_statement(c);
	}
}

static void begin_step(struct pg_copy *c)
{
	if (c->state == STATE_CONNECTING)
		pg_copy_connect_step(c);
	else if (!PQconsumeInput(c->conn))
		pg_copy_fail(c, PQerrorMessage(c->conn));
	else
		take_results(c);
	if (c->state > STATE_CONNECTING && c->state < STATE_COPYING)
		await(c);
	if (c->state >= STATE_COPYING)
		c->o.changed(c->o.arg);
}

static void pg_copy_on_poll(uv_poll_t *poll, int status, int events)
{
	struct pg_copy *c = poll->data;
	(void)status; /* libpq will notice */
	(void)events;
	if (c->state < STATE_COPYING) {
		begin_step(c);
		return;
	}
	/* Stops watching until these bytes are taken. */
	uv_poll_stop(c->poll);
	c->o.changed(c->o.arg);
}

/* --- rows ---------------------------------------------------------------- */

/* The stream has ended: reads how the COPY ended. */
static enum pg_copy_state ended(struct pg_copy *c)
{
	if (PQconsumeInput(c->conn) && PQisBusy(c->conn)) {
		pg_copy_watch(c, UV_READABLE);
		return c->state == STATE_FAILED ? PG_COPY_FAILED : PG_COPY_WAIT;
	}
	PGresult *r = PQgetResult(c->conn);
	bool ok = PQresultStatus(r) == PGRES_COMMAND_OK && c->stream.trailed;
	if (ok)
		c->state = STATE_ENDED;
	else
		pg_copy_fail(c, r ? PQresultErrorMessage(r) : NULL);
	PQclear(r);
	pg_copy_unwatch(c);
	return ok ? PG_COPY_END : PG_COPY_FAILED;
}

/* Reads the next message into c->row. Returns its length; 0: not here yet; -1:
 * the end; -2: an error. */
static int next_message(struct pg_copy *c)
{
	PQfreemem(c->row);
	c->row = NULL;
	int len = PQgetCopyData(c->conn, &c->row, 1);
	if (len != 0)
		return len;
	if (!PQconsumeInput(c->conn))
		return -2;
	return PQgetCopyData(c->conn, &c->row, 1);
}

enum pg_copy_state pg_copy_next(struct pg_copy *c, struct row_doc_cell *cells)
{
	if (c->state == STATE_ENDING)
		return ended(c);
	if (c->state != STATE_COPYING)
		return c->state == STATE_ENDED ? PG_COPY_END : PG_COPY_FAILED;
	for (;;) {
		int len = next_message(c);
		if (len == 0) {
			pg_copy_watch(c, UV_READABLE);
			return PG_COPY_WAIT;
		}
		if (len == -1) {
			c->state = STATE_ENDING;
			return ended(c);
		}
		if (len < 0) {
			pg_copy_fail(c, PQerrorMessage(c->conn));
			return PG_COPY_FAILED;
		}
		if (!copy_row_take(
			&c->stream, c->o.row, c->row, (size_t)len, cells)) {
			pg_copy_fail(c, "not what COPY sends");
			return PG_COPY_FAILED;
		}
		if (!c->stream.trailed)
			return PG_COPY_ROW;
	}
}

/* --- interface ----------------------------------------------------------- */

struct pg_copy *pg_copy_new(const struct pg_copy_options *o)
{
	struct pg_copy *c = MEM_NEW(struct pg_copy);
	struct buf setup = {0};
	c->o = *o;
	buf_printf(&setup,
	    "%s; BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY", o->setup);
	c->setup = buf_take(&setup, NULL);
	c->copy = mem_strdup(o->copy);
	unsigned turn;
	c->conn = pg_connect(o->url, o->session, &turn);
	/* If it has failed already, there is no socket. The poll then reports
	 * it later. */
	if (PQstatus(c->conn) == CONNECTION_BAD)
		c->state = STATE_FAILED;
	else
		pg_copy_watch(c, UV_WRITABLE);
	return c;
}

enum pg_copy_state pg_copy_begin(
    const struct pg_copy *c, const PGresult **first)
{
	*first = c->first;
	if (c->state < STATE_COPYING)
		return PG_COPY_WAIT;
	return c->state == STATE_COPYING && c->first ? PG_COPY_ROW
						     : PG_COPY_FAILED;
}

bool pg_copy_refused(const struct pg_copy *c)
{
	return c->refused;
}

const char *pg_copy_error(const struct pg_copy *c)
{
	return c->error;
}

void pg_copy_free(struct pg_copy **cp)
{
	struct pg_copy *c = *cp;
	if (c == NULL)
		return;
	pg_copy_unwatch(c);
	PQfreemem(c->row);
	PQclear(c->first);
	PQfinish(c->conn);
	free(c->setup);
	free(c->copy);
	free(c);
	*cp = NULL;
}
