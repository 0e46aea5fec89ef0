/* A connection is a state machine; every change of the state goes through
 * pg_set_state. In READY, units are written as they are submitted, and their
 * results are read in order (common/postgres/pg_pipeline.h).
 */
#include "common/postgres/pg.h"

#include "common/base/backoff.h"
#include "common/base/check.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/base/random.h"
#include "common/postgres/pg_hosts.h"
#include "common/postgres/pg_pipeline.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum state {
	STATE_AWAY,	  /* waits for the backoff timer */
	STATE_CONNECTING, /* waits for PQconnectPoll */
	STATE_SETUP,	  /* waits for the setup statements */
	STATE_READY,
	STATE_CLOSED,
};

struct pg {
	struct pg_options o;
	char *name, *url, *setup;
	PGconn *conn;
	enum state state;
	uv_poll_t *poll;
	int events;		  /* that `poll` waits for */
	struct loop_timer *timer; /* backoff, connect, oldest unit */
	struct loop_timer *late;  /* see pg_lost_later */
	struct backoff backoff;
	unsigned turn; /* of the connection (common/postgres/pg_hosts.h) */
	struct pgunits units;
	char error[200];
};

static void pg_set_state(struct pg *pg, enum state to);
static void pg_lost(struct pg *pg, const char *why);

/* --- the socket ---------------------------------------------------------- */

static void read_results(struct pg *pg)
{
	/* A NULL ends the results of a statement; the next statement's results
	 * follow. Two NULLs in a row: there are no more results. */
	int nulls = 0;
	while (pg->state == STATE_READY && pg->units.first && nulls < 2) {
		if (pg->units.leave || PQisBusy(pg->conn))
			return;
		PGresult *r = PQgetResult(pg->conn);
		if (r == NULL) {
			nulls++;
			continue;
		}
		nulls = 0;
		pgunits_result(&pg->units, r);
	}
}

static void pg_on_poll(uv_poll_t *poll, int status, int events);

static void pg_free_handle(uv_handle_t *h)
{
	free(h);
}

static void pg_unwatch(struct pg *pg)
{
	if (pg->poll == NULL)
		return;
	uv_poll_stop(pg->poll);
	uv_close((uv_handle_t *)pg->poll, pg_free_handle);
	pg->poll = NULL;
	pg->events = 0;
}

/* libpq may have closed the socket before it reports the loss, for example when
 * the server ended the connection at that moment. The number may even be in use
 * again, by another connection of the loop. Then false. */
static bool pg_watch_socket(struct pg *pg)
{
	uv_poll_t *poll = MEM_NEW(uv_poll_t);
	if (uv_poll_init(loop_uv(pg->o.loop), poll, PQsocket(pg->conn)) != 0) {
		free(poll);
		return false;
	}
	poll->data = pg;
	pg->poll = poll;
	return true;
}

/* The loss is handled from the loop, since the caller may be in pg_submit. */
static void pg_lost_later(struct pg *pg)
{
	pg_unwatch(pg); /* its socket may be closed already */
	loop_timer_start(pg->late, 0);
}

/* While connecting, each step may use another socket. */
static void pg_watch(struct pg *pg, int events)
{
	if (pg->state != STATE_READY)
		pg_unwatch(pg);
	if (pg->poll == NULL && !pg_watch_socket(pg)) {
		pg_lost_later(pg);
		return;
	}
	/* libuv makes a system call even if nothing changes. */
	if (events != pg->events)
		CHECK_OS(uv_poll_start(pg->poll, events, pg_on_poll));
	pg->events = events;
}

static void flush(struct pg *pg)
{
	int rc = PQflush(pg->conn);
	if (rc < 0 || PQsocket(pg->conn) < 0)
		pg_lost_later(pg);
	else
		pg_watch(pg, UV_READABLE | (rc ? UV_WRITABLE : 0));
}

static void start_timeout(struct pg *pg)
{
	if (pg->units.first == NULL) {
		loop_timer_stop(pg->timer);
		return;
	}
	dur_us_t left =
	    pgunits_oldest(&pg->units) + pg->o.query_timeout - clock_mono();
	loop_timer_start(pg->timer, left > 0 ? left : 0);
}

/* libpq keeps notifications until they are asked for. */
static bool take_notifications(struct pg *pg)
{
	bool any = false;
	PGnotify *n;
	while ((n = PQnotifies(pg->conn)) != NULL) {
		PQfreemem(n);
		any = true;
	}
	return any;
}

static void serve_ready(struct pg *pg, int events)
{
	if ((events & UV_READABLE) && !PQconsumeInput(pg->conn)) {
		pg_lost(pg, PQerrorMessage(pg->conn));
		return;
	}
	const struct pg_pipeline *before = pg->units.first;
	read_results(pg);
	if (pg->state != STATE_READY)
		return;
	if (PQstatus(pg->conn) == CONNECTION_BAD) {
		pg_lost(pg, PQerrorMessage(pg->conn));
		return;
	}
	if (pg->units.leave) {
		pg_lost(pg, pg->units.leave);
		return;
	}
	flush(pg);
	if (pg->units.first != before)
		start_timeout(pg);
	if (pg->state == STATE_READY && take_notifications(pg) &&
	    pg->o.notified)
		pg->o.notified(pg->o.arg);
}

/* --- connecting ---------------------------------------------------------- */

static void pg_is_ready(struct pg *pg)
{
	CHECK(PQenterPipelineMode(pg->conn) == 1);
	pgunits_reconnected(&pg->units);
	pg->error[0] = '\0';
	loop_timer_stop(pg->timer);
	backoff_reset(&pg->backoff);
	pg_set_state(pg, STATE_READY);
	pg_unwatch(pg);
	flush(pg);
}

static void setup_results(struct pg *pg)
{
	if (!PQconsumeInput(pg->conn)) {
		pg_lost(pg, PQerrorMessage(pg->conn));
		return;
	}
	while (!PQisBusy(pg->conn)) {
		PGresult *r = PQgetResult(pg->conn);
		if (r == NULL) {
			pg_is_ready(pg);
			return;
		}
		ExecStatusType status = PQresultStatus(r);
		PQclear(r);
		/* Nobody asked for a COPY: it would not end. */
		if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
			pg_lost(pg, PQerrorMessage(pg->conn));
			return;
		}
	}
}

static void pg_connected(struct pg *pg)
{
	CHECK_OS(PQsetnonblocking(pg->conn, 1));
	if (pg->setup == NULL) {
		pg_is_ready(pg);
		return;
	}
	pg_set_state(pg, STATE_SETUP);
	if (!PQsendQuery(pg->conn, pg->setup) || PQflush(pg->conn) < 0) {
		pg_lost(pg, PQerrorMessage(pg->conn));
		return;
	}
	pg_watch(pg, UV_READABLE);
}

static void pg_connect_step(struct pg *pg)
{
	switch (PQconnectPoll(pg->conn)) {
	case PGRES_POLLING_READING:
		pg_watch(pg, UV_READABLE);
		return;
	case PGRES_POLLING_WRITING:
		pg_watch(pg, UV_WRITABLE);
		return;
	case PGRES_POLLING_OK:
		pg_connected(pg);
		return;
	case PGRES_POLLING_FAILED:
	case PGRES_POLLING_ACTIVE:
		pg_lost(pg, PQerrorMessage(pg->conn));
		return;
	}
}

static void pg_on_poll(uv_poll_t *poll, int status, int events)
{
	struct pg *pg = poll->data;
	if (status < 0) {
		/* The socket has an error, and libuv has stopped the poll. The
		 * last bytes of the server may still be there: then the error
		 * is heard of only if the poll is started again. */
		events = UV_READABLE;
		pg->events = 0;
	}
	if (pg->state == STATE_CONNECTING)
		pg_connect_step(pg);
	else if (pg->state == STATE_SETUP)
		setup_results(pg);
	else if (pg->state == STATE_READY)
		serve_ready(pg, events);
}

static void connect_start(struct pg *pg)
{
	pg_set_state(pg, STATE_CONNECTING);
	pg->conn = pg_connect(pg->url, pg->o.session, &pg->turn);
	loop_timer_start(pg->timer, pg->o.connect_timeout);
	if (PQstatus(pg->conn) == CONNECTION_BAD)
		pg_lost(pg, PQerrorMessage(pg->conn));
	else
		pg_watch(pg, UV_WRITABLE);
}

/* --- states -------------------------------------------------------------- */

static void pg_set_state(struct pg *pg, enum state to)
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

/* If many connections fail for the same reason, only one of them logs it for a
 * while. The table is small: a reason that takes the place of another one is
 * logged. */
static bool is_news(const char *name, const char *why)
{
	enum { PLACES = 64 };
	static _Atomic uint64_t told[PLACES];
	static _Atomic mono_us_t until[PLACES];
	uint64_t seed = XXH3_64bits(name, strlen(name));
	uint64_t hash = XXH3_64bits_withSeed(why, strlen(why), seed);
	mono_us_t now = clock_mono(), end = now + CLOCK_S(5);
	bool same = atomic_exchange(&told[hash % PLACES], hash) == hash;
	return atomic_exchange(&until[hash % PLACES], end) < now || !same;
}

static void pg_lost(struct pg *pg, const char *why)
{
	char text[sizeof pg->error];
	snprintf(
	    text, sizeof text, "%s", why && *why ? why : "connection lost");
	/* Logs each change of the reason, not each attempt. */
	if (pg->state == STATE_READY ||
	    (strcmp(pg->error, text) != 0 && is_news(pg->name, text)))
		log_event(EV_PG_DOWN, "server=%s error=%s", pg->name,
		    log_quote(text));
	memcpy(pg->error, text, sizeof text);
	pg_unwatch(pg);
	PQfinish(pg->conn);
	pg->conn = NULL;
	loop_timer_stop(pg->late);
	pg_set_state(pg, STATE_AWAY);
	loop_timer_start(pg->timer, backoff_next(&pg->backoff, random_bits()));
	pgunits_fail(&pg->units, text);
}

static void hung(struct pg *pg)
{
	pg_hosts_hung(pg->url, pg->o.session, pg->turn);
	pg_lost(pg, "timeout while connecting");
}

static void pg_on_timer(void *arg)
{
	struct pg *pg = arg;
	if (pg->state == STATE_AWAY)
		connect_start(pg);
	else if (pg->state != STATE_READY)
		hung(pg);
	else if (pg->units.first && clock_mono() >= pgunits_oldest(&pg->units) +
							pg->o.query_timeout)
		pg_lost(pg, "timeout: no answer to a statement");
	else
		start_timeout(pg);
}

static void on_late(void *arg)
{
	struct pg *pg = arg;
	if (pg->conn)
		pg_lost(pg, PQerrorMessage(pg->conn));
}

/* --- interface ----------------------------------------------------------- */

/* Not with libpq's message, which quotes the URL with its password. */
struct err pg_check_url(const char *setting, const char *url)
{
	PQconninfoOption *options = PQconninfoParse(url, NULL);
	if (options == NULL)
		return err_make(ERR_KIND_FATAL, "config",
		    "setting '%s' has the bad value '***'; allowed: "
		    "postgresql://[user[:password]@]host[:port][,...]/database"
		    "[?parameter=value], as libpq understands it",
		    setting);
	PQconninfoFree(options);
	return ERR_OK;
}

static const char *pg_value_of(const PQconninfoOption *o, const char *name)
{
	while (o->keyword && strcmp(o->keyword, name) != 0)
		o++;
	return o->keyword && o->val ? o->val : "";
}

static bool pg_leads_elsewhere(const char *first, const char *now)
{
	static const char *const place[] = {
	    "host", "hostaddr", "port", "dbname"};
	PQconninfoOption *a = PQconninfoParse(first, NULL);
	PQconninfoOption *b = PQconninfoParse(now, NULL);
	bool differ = a == NULL || b == NULL;
	for (size_t i = 0; i < sizeof place / sizeof *place && !differ; i++)
		differ = strcmp(pg_value_of(a, place[i]),
			     pg_value_of(b, place[i])) != 0;
	PQconninfoFree(a);
	PQconninfoFree(b);
	return differ;
}

struct err pg_check_renewal(
    const char *setting, const char *first, const char *now)
{
	struct err e = pg_check_url(setting, now);
	if (e.kind == ERR_KIND_OK && pg_leads_elsewhere(first, now))
		e = err_make(ERR_KIND_FATAL, "config",
		    "%s leads to another host, port or database now: restart "
		    "the daemon",
		    setting);
	return e;
}

struct pg *pg_new(const struct pg_options *o)
{
	struct pg *pg = MEM_NEW(struct pg);
	pg->o = *o;
	pg->name = mem_strdup(o->name);
	pg->url = mem_strdup(o->url);
	pg->setup = o->setup ? mem_strdup(o->setup) : NULL;
	pgunits_init(&pg->units);
	pg->timer = loop_timer_new(o->loop, pg_on_timer, pg);
	pg->late = loop_timer_new(o->loop, on_late, pg);
	backoff_init(&pg->backoff, CLOCK_MS(50), CLOCK_S(2));
	/* From the loop: no callback comes before this returns. */
	loop_timer_start(pg->timer, 0);
	return pg;
}

bool pg_ready(const struct pg *pg)
{
	return pg->state == STATE_READY;
}

size_t pg_pending(const struct pg *pg)
{
	return pg->units.n;
}

const char *pg_last_error(const struct pg *pg)
{
	return pg->error;
}

bool pg_submit(struct pg *pg, const struct pg_query *queries, size_t n,
    pg_done done, void *arg)
{
	if (pg->state != STATE_READY || loop_timer_armed(pg->late))
		return false;
	pgunits_send(&pg->units, pg->conn, queries, n, done, arg);
	flush(pg);
	if (pg->units.n == 1)
		start_timeout(pg);
	return true;
}

void pg_free(struct pg **pgp)
{
	struct pg *pg = *pgp;
	if (pg == NULL)
		return;
	pg->state = STATE_CLOSED;
	pg_unwatch(pg);
	PQfinish(pg->conn);
	loop_timer_free(&pg->timer);
	loop_timer_free(&pg->late);
	pgunits_fail(&pg->units, "shutting down");
	pgunits_free(&pg->units);
	free(pg->name);
	free(pg->url);
	free(pg->setup);
	free(pg);
	*pgp = NULL;
}
