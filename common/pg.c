/* The connection's life is a table of states; every change goes through
 * set_state. In READY, units are written as they come and their results are
 * read in order:
 *
 *   per statement   [PREPARE result, NULL,] result, NULL
 *   per unit        PGRES_PIPELINE_SYNC
 */
#include "common/pg.h"

#include "common/backoff.h"
#include "common/buf.h"
#include "common/check.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/sqlstate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum { NAME_LEN = 18 }; /* "s" and 16 hex digits */

enum state {
	STATE_AWAY,	  /* waits for the backoff timer */
	STATE_CONNECTING, /* waits for PQconnectPoll */
	STATE_SETUP,	  /* waits for the setup statements */
	STATE_READY,
	STATE_CLOSED,
};

struct unit {
	struct unit *next;
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

struct pg {
	struct pg_options o;
	char *name, *url, *setup;
	PGconn *conn;
	enum state state;
	uv_poll_t *poll;
	struct loop_timer *timer; /* backoff, connect, oldest unit */
	struct loop_timer *late;  /* defers a loss seen inside pg_submit */
	struct backoff backoff;
	struct unit *head, **tail;
	size_t pending;
	uint64_t *prepared; /* hashes of the statements of this connection */
	size_t nprepared, cap_prepared;
	char error[200];
};

static void set_state(struct pg *pg, enum state to);
static void lost(struct pg *pg, const char *why);

/* --- units --------------------------------------------------------------- */

static void finish_unit(struct pg *pg)
{
	struct unit *u = pg->head;
	pg->head = u->next;
	if (pg->head == NULL)
		pg->tail = &pg->head;
	pg->pending--;
	u->reply.n = u->reply.err.verdict == VERDICT_OK ? u->nqueries : 0;
	u->done(u->arg, &u->reply);
	for (size_t i = 0; i < u->nqueries; i++)
		PQclear(u->reply.results[i]);
	free(u->reply.results);
	free(u->prepares);
	free(u);
}

static void fail_units(struct pg *pg, const char *why)
{
	while (pg->head) {
		pg->head->reply.err =
		    err_make(VERDICT_RETRY, "08006", "%s", why);
		finish_unit(pg);
	}
}

static void note_error(struct unit *u, const PGresult *r)
{
	if (u->reply.err.verdict != VERDICT_OK)
		return; /* the first one counts, the rest are aborted */
	const char *code = PQresultErrorField(r, PG_DIAG_SQLSTATE);
	const char *text = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);
	const char *name = PQresultErrorField(r, PG_DIAG_CONSTRAINT_NAME);
	if (code == NULL)
		code = "08006";
	u->reply.err = err_make(sqlstate_verdict(code), code, "%s",
	    text ? text : PQresultErrorMessage(r));
	snprintf(u->reply.constraint, sizeof u->reply.constraint, "%s",
	    name ? name : "");
}

/* A statement that failed to be prepared is not there next time. */
static void forget_prepared(struct pg *pg, uint64_t hash)
{
	for (size_t i = 0; i < pg->nprepared; i++) {
		if (pg->prepared[i] == hash)
			pg->prepared[i--] = pg->prepared[--pg->nprepared];
	}
}

static void take_result(struct pg *pg, PGresult *r)
{
	struct unit *u = pg->head;
	ExecStatusType status = PQresultStatus(r);
	CHECK(u != NULL);
	if (status == PGRES_PIPELINE_SYNC) {
		PQclear(r);
		finish_unit(pg);
		return;
	}
	bool ok = status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK;
	if (!ok && status != PGRES_PIPELINE_ABORTED)
		note_error(u, r);
	if (u->at == u->nqueries) {
		/* In the place of the Sync: the server ends the connection
		 * (57P01), and whether it committed is not known. */
		CHECK(!ok);
		PQclear(r);
		return;
	}
	if (u->prepares[u->at] && !u->prepared) {
		u->prepared = true;
		if (!ok)
			forget_prepared(pg, u->prepares[u->at]);
		PQclear(r);
		return;
	}
	u->reply.results[u->at++] = r;
	u->prepared = false;
}

static void read_results(struct pg *pg)
{
	/* A NULL ends a statement; after it comes the next one's result. Two in
	 * a row: nothing more. */
	int nulls = 0;
	while (pg->state == STATE_READY && pg->head && nulls < 2) {
		if (PQisBusy(pg->conn))
			return;
		PGresult *r = PQgetResult(pg->conn);
		if (r == NULL) {
			nulls++;
			continue;
		}
		nulls = 0;
		take_result(pg, r);
	}
}

/* --- the socket ---------------------------------------------------------- */

static void on_poll(uv_poll_t *poll, int status, int events);

static void free_handle(uv_handle_t *h)
{
	free(h);
}

static void unwatch(struct pg *pg)
{
	if (pg->poll == NULL)
		return;
	uv_poll_stop(pg->poll);
	uv_close((uv_handle_t *)pg->poll, free_handle);
	pg->poll = NULL;
}

/* The socket may be another one after each step of connecting. */
static void watch(struct pg *pg, int events)
{
	if (pg->state != STATE_READY || pg->poll == NULL) {
		unwatch(pg);
		pg->poll = MEM_NEW(uv_poll_t);
		CHECK_OS(uv_poll_init(
		    loop_uv(pg->o.loop), pg->poll, PQsocket(pg->conn)));
		pg->poll->data = pg;
	}
	CHECK_OS(uv_poll_start(pg->poll, events, on_poll));
}

static void flush(struct pg *pg)
{
	int rc = PQflush(pg->conn);
	if (rc < 0)
		loop_timer_start(pg->late, 0);
	else
		watch(pg, UV_READABLE | (rc ? UV_WRITABLE : 0));
}

static void start_timeout(struct pg *pg)
{
	if (pg->head == NULL) {
		loop_timer_stop(pg->timer);
		return;
	}
	dur_us_t left = pg->head->sent_at + pg->o.query_timeout - clock_mono();
	loop_timer_start(pg->timer, left > 0 ? left : 0);
}

static void serve_ready(struct pg *pg, int events)
{
	if ((events & UV_READABLE) && !PQconsumeInput(pg->conn)) {
		lost(pg, PQerrorMessage(pg->conn));
		return;
	}
	struct unit *before = pg->head;
	read_results(pg);
	if (pg->state != STATE_READY)
		return;
	if (PQstatus(pg->conn) == CONNECTION_BAD) {
		lost(pg, PQerrorMessage(pg->conn));
		return;
	}
	flush(pg);
	if (pg->head != before)
		start_timeout(pg);
}

/* --- connecting ---------------------------------------------------------- */

static void ready(struct pg *pg)
{
	CHECK(PQenterPipelineMode(pg->conn) == 1);
	pg->nprepared = 0;
	pg->error[0] = '\0';
	loop_timer_stop(pg->timer);
	backoff_reset(&pg->backoff);
	set_state(pg, STATE_READY);
	unwatch(pg);
	flush(pg);
}

static void setup_results(struct pg *pg)
{
	if (!PQconsumeInput(pg->conn)) {
		lost(pg, PQerrorMessage(pg->conn));
		return;
	}
	while (!PQisBusy(pg->conn)) {
		PGresult *r = PQgetResult(pg->conn);
		if (r == NULL) {
			ready(pg);
			return;
		}
		bool ok = PQresultStatus(r) != PGRES_FATAL_ERROR;
		PQclear(r);
		if (!ok) {
			lost(pg, PQerrorMessage(pg->conn));
			return;
		}
	}
}

static void connected(struct pg *pg)
{
	CHECK_OS(PQsetnonblocking(pg->conn, 1));
	if (pg->setup == NULL) {
		ready(pg);
		return;
	}
	set_state(pg, STATE_SETUP);
	if (!PQsendQuery(pg->conn, pg->setup) || PQflush(pg->conn) < 0) {
		lost(pg, PQerrorMessage(pg->conn));
		return;
	}
	watch(pg, UV_READABLE);
}

static void connect_step(struct pg *pg)
{
	switch (PQconnectPoll(pg->conn)) {
	case PGRES_POLLING_READING:
		watch(pg, UV_READABLE);
		return;
	case PGRES_POLLING_WRITING:
		watch(pg, UV_WRITABLE);
		return;
	case PGRES_POLLING_OK:
		connected(pg);
		return;
	case PGRES_POLLING_FAILED:
	case PGRES_POLLING_ACTIVE:
		lost(pg, PQerrorMessage(pg->conn));
		return;
	}
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct pg *pg = poll->data;
	if (status < 0)
		events = UV_READABLE;
	if (pg->state == STATE_CONNECTING)
		connect_step(pg);
	else if (pg->state == STATE_SETUP)
		setup_results(pg);
	else if (pg->state == STATE_READY)
		serve_ready(pg, events);
}

static void connect_start(struct pg *pg)
{
	/* What stands before dbname is a default, what stands after it rules.
	 */
	const char *const names[] = {"application_name", "connect_timeout",
	    "keepalives_idle", "keepalives_interval", "keepalives_count",
	    "tcp_user_timeout", "target_session_attrs", "dbname", NULL};
	const char *const values[] = {"sluice", "5", "10", "3", "3", "10000",
	    pg->o.session ? pg->o.session : "any", pg->url, NULL};
	set_state(pg, STATE_CONNECTING);
	pg->conn = PQconnectStartParams(names, values, 1);
	CHECK(pg->conn != NULL);
	loop_timer_start(pg->timer, pg->o.connect_timeout);
	if (PQstatus(pg->conn) == CONNECTION_BAD)
		lost(pg, PQerrorMessage(pg->conn));
	else
		watch(pg, UV_WRITABLE);
}

/* --- states -------------------------------------------------------------- */

static void set_state(struct pg *pg, enum state to)
{
	bool was = pg->state == STATE_READY;
	pg->state = to;
	bool is = to == STATE_READY;
	if (is && !was)
		log_event(EV_PG_UP, "server=%s host=%s port=%s", pg->name,
		    PQhost(pg->conn), PQport(pg->conn));
	if (is != was && to != STATE_CLOSED && pg->o.state)
		pg->o.state(pg->o.arg, is);
}

static uint64_t random_bits(void)
{
	return ((uint64_t)(uint32_t)random() << 32) | (uint32_t)random();
}

static void lost(struct pg *pg, const char *why)
{
	char text[sizeof pg->error];
	snprintf(
	    text, sizeof text, "%s", why && *why ? why : "connection lost");
	/* Once per change of the reason, not once per attempt. */
	if (pg->state == STATE_READY || strcmp(pg->error, text) != 0)
		log_event(EV_PG_DOWN, "server=%s error=%s", pg->name,
		    log_quote(text));
	memcpy(pg->error, text, sizeof text);
	unwatch(pg);
	PQfinish(pg->conn);
	pg->conn = NULL;
	loop_timer_stop(pg->late);
	set_state(pg, STATE_AWAY);
	loop_timer_start(pg->timer, backoff_next(&pg->backoff, random_bits()));
	fail_units(pg, text);
}

static void on_timer(void *arg)
{
	struct pg *pg = arg;
	if (pg->state == STATE_AWAY)
		connect_start(pg);
	else if (pg->state != STATE_READY)
		lost(pg, "timeout while connecting");
	else if (pg->head &&
		 clock_mono() >= pg->head->sent_at + pg->o.query_timeout)
		lost(pg, "timeout: no answer to a statement");
	else
		start_timeout(pg);
}

static void on_late(void *arg)
{
	struct pg *pg = arg;
	if (pg->state == STATE_READY)
		lost(pg, PQerrorMessage(pg->conn));
}

/* --- interface ----------------------------------------------------------- */

/* libpq's own words quote the URL, password and all. */
struct err pg_check_url(const char *setting, const char *url)
{
	PQconninfoOption *options = PQconninfoParse(url, NULL);
	if (options == NULL)
		return err_make(VERDICT_FATAL, "config",
		    "setting '%s' has the bad value '***'; allowed: "
		    "postgresql://[user[:password]@]host[:port][,...]/database"
		    "[?parameter=value], as libpq understands it",
		    setting);
	PQconninfoFree(options);
	return ERR_OK;
}

struct pg *pg_new(const struct pg_options *o)
{
	struct pg *pg = MEM_NEW(struct pg);
	pg->o = *o;
	pg->name = mem_strdup(o->name);
	pg->url = mem_strdup(o->url);
	pg->setup = o->setup ? mem_strdup(o->setup) : NULL;
	pg->tail = &pg->head;
	pg->timer = loop_timer_new(o->loop, on_timer, pg);
	pg->late = loop_timer_new(o->loop, on_late, pg);
	backoff_init(&pg->backoff, CLOCK_MS(50), CLOCK_S(2));
	/* From the loop, so that no callback comes before we return. */
	loop_timer_start(pg->timer, 0);
	return pg;
}

bool pg_ready(const struct pg *pg)
{
	return pg->state == STATE_READY;
}

size_t pg_pending(const struct pg *pg)
{
	return pg->pending;
}

const char *pg_last_error(const struct pg *pg)
{
	return pg->error;
}

static bool is_prepared(const struct pg *pg, uint64_t hash)
{
	for (size_t i = 0; i < pg->nprepared; i++) {
		if (pg->prepared[i] == hash)
			return true;
	}
	return false;
}

/* Writes into libpq's buffer; a failure shows at the next flush. Returns the
 * hash where the statement had to be prepared first, else 0. */
static uint64_t send_query(struct pg *pg, const struct pg_query *q)
{
	uint64_t hash = XXH3_64bits(q->sql, strlen(q->sql));
	char name[NAME_LEN];
	snprintf(name, sizeof name, "s%016llx", (unsigned long long)hash);
	bool prepare = !is_prepared(pg, hash);
	if (prepare) {
		PQsendPrepare(pg->conn, name, q->sql, q->nparams, q->types);
		MEM_GROW(pg->prepared, pg->cap_prepared, pg->nprepared);
		pg->prepared[pg->nprepared++] = hash;
	}
	PQsendQueryPrepared(pg->conn, name, q->nparams, q->values, q->lengths,
	    q->formats, q->result_format);
	return prepare ? hash : 0;
}

bool pg_submit(struct pg *pg, const struct pg_query *queries, size_t n,
    pg_done done, void *arg)
{
	if (pg->state != STATE_READY || loop_timer_armed(pg->late))
		return false;
	struct unit *u = MEM_NEW(struct unit);
	u->done = done;
	u->arg = arg;
	u->nqueries = n;
	u->prepares = mem_zalloc(n * sizeof *u->prepares);
	u->reply.results = mem_zalloc(n * sizeof *u->reply.results);
	u->sent_at = clock_mono();
	for (size_t i = 0; i < n; i++)
		u->prepares[i] = send_query(pg, &queries[i]);
	PQpipelineSync(pg->conn);
	*pg->tail = u;
	pg->tail = &u->next;
	pg->pending++;
	flush(pg);
	if (pg->head == u)
		start_timeout(pg);
	return true;
}

void pg_free(struct pg **pgp)
{
	struct pg *pg = *pgp;
	if (pg == NULL)
		return;
	pg->state = STATE_CLOSED;
	unwatch(pg);
	PQfinish(pg->conn);
	loop_timer_free(&pg->timer);
	loop_timer_free(&pg->late);
	fail_units(pg, "shutting down");
	free(pg->prepared);
	free(pg->name);
	free(pg->url);
	free(pg->setup);
	free(pg);
	*pgp = NULL;
}
