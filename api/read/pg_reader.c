#include "api/read/pg_reader.h"

#include "common/base/check.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/net/breaker.h"
#include "common/postgres/pg_binary.h"
#include "common/postgres/pg_params.h"
#include "common/postgres/pg_pool.h"
#include "common/postgres/sqlstate.h"
#include "common/sql/row_doc.h"
#include "common/sql/sql.h"

#include <stdlib.h>
#include <string.h>

enum {
	BATCH = 256,
	BREAKER_LIMIT = 3,
	PROBE_US = 1000000,
	PROBE_OPEN_US = 250000, /* while the breaker is not closed */
};

struct read {
	struct read *next;
	const struct collection *collection;
	const char *key;
	size_t len;
	int32_t partition;
	bool alone; /* it, or another read of its statement, failed */
	pg_reader_done done;
	void *arg;
};

struct slot {
	struct pg_reader *owner;
	struct pg *pg;
	/* Reads in flight, by the ordinality of their rows in the answer. */
	struct read *batch[BATCH];
	size_t n;
	mono_us_t sent_at;
	bool probes; /* this is the pool's own read */
};

struct pg_reader {
	struct pg_reader_options o;
	struct pg_pool *pool;
	struct slot **slots; /* one for each connection */
	size_t nslots;
	struct read *first, **last; /* reads that are not sent yet */
	size_t waiting;
	/* The statement for the collection that was read last; probes use it.
	 */
	char *sql;
	const struct collection *sql_of;
	bool unsure; /* a table was missing, and none was read since */
	struct breaker breaker;
	mono_us_t answered_at; /* when the server last answered */
	struct loop_timer *probe;
	bool probing; /* a probe is in flight */
	bool closing;
};

static void pg_reader_go_on(struct pg_reader *p);

/* Puts the reads back at the front of those that wait. */
static void put_back(struct pg_reader *p, struct slot *s)
{
	while (s->n) {
		struct read *r = s->batch[--s->n];
		r->next = p->first;
		if (p->first == NULL)
			p->last = &r->next;
		p->first = r;
		p->waiting++;
	}
}

/* --- answers ------------------------------------------------------------- */

static void pg_reader_answer(
    struct read *r, enum pg_reader_status s, struct value *v)
{
	r->done(r->arg, s, v);
	free(r);
}

enum { AS_OF = 1, VERSION, BYTES };

static struct value *pg_reader_value_of(
    const struct collection *c, const PGresult *r, int row)
{
	version_t as_of = (version_t)pg_int8(r, row, AS_OF);
	if (PQgetisnull(r, row, VERSION))
		return value_new(0, as_of, NULL, 0);
	struct buf doc = {0};
	row_doc_add(&doc, c, r, row, SQL_WITHIN_ROW);
	struct value *v = value_new(
	    (version_t)pg_int8(r, row, VERSION), as_of, doc.data, doc.len);
	buf_free(&doc);
	return v;
}

static void answer_rows(struct slot *s, const PGresult *r)
{
	for (int row = 0; row < PQntuples(r); row++) {
		size_t i = (size_t)pg_int8(r, row, 0) - 1;
		struct read *one = i < s->n ? s->batch[i] : NULL;
		if (one == NULL)
			continue; /* the probe's row */
		s->batch[i] = NULL;
		if ((uint64_t)pg_int8(r, row, BYTES) > s->owner->o.document_max)
			pg_reader_answer(one, PG_READER_TOO_LARGE, NULL);
		else
			pg_reader_answer(one, PG_READER_OK,
			    pg_reader_value_of(one->collection, r, row));
	}
}

/* True: the server did not answer in time, but it answered others meanwhile. A
 * row may take it too long (Postgres does not stop while it renders one). */
static bool is_the_row(const struct slot *s, const struct err *e)
{
	return e->kind == ERR_KIND_RETRY && !s->probes &&
	       clock_mono() - s->sent_at >= s->owner->o.timeout &&
	       s->owner->answered_at > s->sent_at;
}

static void pg_reader_answered(struct pg_reader *p, mono_us_t now)
{
	p->answered_at = now;
	breaker_success(&p->breaker);
}

/* Updates the breaker at the end of a batch. A server that lacks a table
 * answers, so it works. While the breaker is not closed, only the probe counts:
 * other batches began before. */
static void pg_reader_judge(struct slot *s, const struct pg_reply *reply)
{
	struct pg_reader *p = s->owner;
	mono_us_t now = clock_mono();
	enum breaker_state was = p->breaker.state;
	if (was != BREAKER_CLOSED && !s->probes)
		return;
	if (is_the_row(s, &reply->err))
		return;
	if (reply->err.kind == ERR_KIND_OK ||
	    reply->err.kind == ERR_KIND_REJECT ||
	    sqlstate_is_unmigrated(reply->err.code))
		pg_reader_answered(p, now);
	else if (now - s->sent_at >= p->o.timeout)
		breaker_trip(&p->breaker, now);
	else
		breaker_failure(&p->breaker, now);
	bool closed = p->breaker.state == BREAKER_CLOSED;
	if (closed != (was == BREAKER_CLOSED) && !p->closing)
		log_event(closed ? EV_BREAKER_CLOSED : EV_BREAKER_OPEN,
		    "server=%s", p->o.name);
}

static void forget_statement(struct pg_reader *p)
{
	free(p->sql);
	p->sql = NULL;
	p->sql_of = NULL;
}

/* A row that Postgres cannot render, or not in time, fails its whole statement.
 * Then each read is sent again by itself, so that the others get their answers.
 */
static bool ask_alone(struct slot *s, const struct err *e)
{
	bool row = e->kind == ERR_KIND_REJECT || is_the_row(s, e);
	if (!row || s->n < 2)
		return false;
	for (size_t i = 0; i < s->n; i++)
		s->batch[i]->alone = true;
	put_back(s->owner, s);
	return true;
}

static enum pg_reader_status pg_reader_status_of(const struct err *e)
{
	/* 54000: more than a text may have (1 GiB). */
	return strncmp(e->code, "54", 2) == 0 ? PG_READER_TOO_LARGE
					      : PG_READER_FAILED;
}

static void pg_reader_on_reply(void *arg, const struct pg_reply *reply)
{
	struct slot *s = arg;
	pg_reader_judge(s, reply);
	/* A probe of the missing table would fail, too, and log an error at the
	 * server each time. */
	if (sqlstate_is_unmigrated(reply->err.code)) {
		forget_statement(s->owner);
		s->owner->unsure = true;
	}
	if (s->probes)
		s->owner->probing = false;
	s->probes = false;
	if (reply->err.kind == ERR_KIND_OK && s->n) {
		s->owner->unsure = false;
		answer_rows(s, reply->results[0]);
	} else if (!s->owner->closing && ask_alone(s, &reply->err)) {
		pg_reader_go_on(s->owner);
		return;
	}
	/* It failed, or the partition has no row in sluice.progress: not
	 * migrated. */
	for (size_t i = 0; i < s->n; i++) {
		if (s->batch[i])
			pg_reader_answer(s->batch[i],
			    pg_reader_status_of(&reply->err), NULL);
	}
	s->n = 0;
	pg_reader_go_on(s->owner);
}

/* --- batches ------------------------------------------------------------- */

/* Takes reads from the front, as long as they are of one collection. */
static void take_batch(struct pg_reader *p, struct slot *s)
{
	const struct collection *c = p->first->collection;
	while (p->first && s->n < BATCH && p->first->collection == c &&
	       (s->n == 0 || !(p->first->alone || s->batch[0]->alone))) {
		s->batch[s->n++] = p->first;
		p->first = p->first->next;
		p->waiting--;
	}
	if (p->first == NULL)
		p->last = &p->first;
}

static const char *statement(struct pg_reader *p, const struct collection *c)
{
	if (p->sql_of != c) {
		struct buf b = {0};
		sql_read_within(&b, c);
		forget_statement(p);
		p->sql = buf_take(&b, NULL);
		p->sql_of = c;
	}
	return p->sql;
}

/* Frees the contents of the call. */
static bool send_call(struct slot *s, struct pg_params *call)
{
	const struct pg_query q = pg_params_query(call);
	s->sent_at = clock_mono();
	bool sent = pg_submit(s->pg, &q, 1, pg_reader_on_reply, s);
	pg_params_free(call);
	return sent;
}

static bool pg_reader_send_batch(struct pg_reader *p, struct slot *s)
{
	const struct collection *c = s->batch[0]->collection;
	struct pg_params call = {.sql = statement(p, c),
	    .shape = row_doc_shape(SQL_WITHIN_SHAPE, c)};
	struct buf *keys = pg_params_param(&call),
		   *partitions = pg_params_param(&call);
	pg_array_begin(keys, PG_TEXT, s->n);
	pg_array_begin(partitions, PG_INT4, s->n);
	for (size_t i = 0; i < s->n; i++) {
		pg_array_text(keys, s->batch[i]->key, s->batch[i]->len);
		pg_array_int4(partitions, s->batch[i]->partition);
	}
	pg_params_int8(&call, p->o.document_max);
	if (!send_call(s, &call))
		return false;
	metric_add(&p->o.metrics->db_queries, 1);
	metric_add(&p->o.metrics->db_keys, (int64_t)s->n);
	return true;
}

static struct slot *pg_reader_free_slot(struct pg_reader *p)
{
	for (size_t i = 0; i < p->nslots; i++) {
		struct slot *s = p->slots[i];
		if (s->n == 0 && !s->probes && pg_ready(s->pg))
			return s;
	}
	return NULL;
}

static void pg_reader_add_slot(struct pg_reader *p);

static void pg_reader_send_waiting(struct pg_reader *p)
{
	struct slot *s;
	while (p->first && (s = pg_reader_free_slot(p)) != NULL) {
		take_batch(p, s);
		/* The connection was lost in between; pg_reader_on_state
		 * follows. No callback may come from inside a submit. */
		if (!pg_reader_send_batch(p, s)) {
			put_back(p, s);
			return;
		}
	}
	if (p->first)
		pg_reader_add_slot(p);
}

/* --- connections --------------------------------------------------------- */

static void pg_reader_fail_waiting(struct pg_reader *p)
{
	while (p->first) {
		struct read *r = p->first;
		p->first = r->next;
		if (p->first == NULL)
			p->last = &p->first;
		p->waiting--;
		pg_reader_answer(r, PG_READER_FAILED, NULL);
	}
}

/* To be called when a connection was made, freed or lost. */
static void pg_reader_go_on(struct pg_reader *p)
{
	if (p->closing)
		return;
	if (pg_reader_up(p))
		pg_reader_send_waiting(p);
	else
		pg_reader_fail_waiting(p);
}

static void pg_reader_on_state(void *arg, bool ready)
{
	struct pg_reader *p = arg;
	/* If the server is back, a probe is sent at once. */
	if (ready && !p->closing && p->breaker.state != BREAKER_CLOSED)
		loop_timer_start(p->probe, 0);
	pg_reader_go_on(p);
}

/* --- the probe ----------------------------------------------------------- */

/* Sends a probe. It is a read like the others, so that a fault that delays them
 * (a lock, for example) delays it, too. Its key is null, which every type of
 * key accepts and no row has. While no existing table is known, the probe reads
 * no table. */
static bool send_probe_to(struct pg_reader *p, struct slot *s)
{
	const struct collection *c = p->sql_of;
	if (c == NULL && !p->unsure)
		c = p->o.some_table(p->o.arg);
	struct pg_params call = {.sql = c ? statement(p, c) : "SELECT 1"};
	if (c) {
		struct buf *keys = pg_params_param(&call);
		struct buf *partitions = pg_params_param(&call);
		pg_array_begin(keys, PG_TEXT, 1);
		pg_array_null(keys);
		pg_array_begin(partitions, PG_INT4, 1);
		pg_array_int4(partitions, 0);
		pg_params_int8(&call, p->o.document_max);
	}
	return send_call(s, &call);
}

/* If no connection is free, the batches in flight show how the server is. */
static void send_probe(struct pg_reader *p)
{
	struct slot *s = pg_reader_free_slot(p);
	mono_us_t now = clock_mono();
	/* All are busy, maybe with rows that take long. */
	if (s == NULL && !p->probing)
		pg_reader_add_slot(p);
	if (p->probing || s == NULL || !breaker_allow(&p->breaker, now))
		return;
	s->probes = p->probing = send_probe_to(p, s);
	if (!p->probing)
		breaker_cancel(&p->breaker, now);
}

static void pg_reader_on_probe(void *arg)
{
	struct pg_reader *p = arg;
	send_probe(p);
	loop_timer_start(p->probe,
	    p->breaker.state == BREAKER_CLOSED ? PROBE_US : PROBE_OPEN_US);
}

static void pg_reader_add_slot(struct pg_reader *p)
{
	if (!pg_pool_grow(p->pool))
		return;
	struct slot *s = MEM_NEW(struct slot);
	s->owner = p;
	s->pg = pg_pool_at(p->pool, p->nslots);
	p->slots = mem_realloc(p->slots, (p->nslots + 1) * sizeof *p->slots);
	p->slots[p->nslots++] = s;
}

static void pg_reader_open_pool(struct pg_reader *p)
{
	const struct pg_pool_options o = {
	    .max = p->o.max,
	    .connection =
		{
		    .loop = p->o.loop,
		    .name = p->o.name,
		    .url = p->o.url,
		    .session = p->o.session,
		    .setup = SQL_SESSION,
		    .connect_timeout = CLOCK_S(3),
		    .query_timeout = p->o.timeout,
		    .state = pg_reader_on_state,
		    .arg = p,
		},
	};
	p->pool = pg_pool_new(&o);
}

struct pg_reader *pg_reader_new(const struct pg_reader_options *o)
{
	struct pg_reader *p = MEM_NEW(struct pg_reader);
	p->o = *o;
	p->last = &p->first;
	/* Probes are sent at a fixed interval, so the breaker needs no
	 * cool-down. */
	breaker_init(&p->breaker, BREAKER_LIMIT, 0);
	p->probe = loop_timer_new(o->loop, pg_reader_on_probe, p);
	loop_timer_start(p->probe, PROBE_US);
	pg_reader_open_pool(p);
	for (size_t i = 0; i < o->min; i++)
		pg_reader_add_slot(p);
	return p;
}

bool pg_reader_up(const struct pg_reader *p)
{
	return !p->closing && p->breaker.state == BREAKER_CLOSED &&
	       pg_reader_connections(p) > 0;
}

enum breaker_state pg_reader_breaker(const struct pg_reader *p)
{
	return p->breaker.state;
}

size_t pg_reader_connections(const struct pg_reader *p)
{
	return pg_pool_ready(p->pool);
}

bool pg_reader_get(struct pg_reader *p, const struct collection *c,
    const char *key, size_t len, int32_t partition, pg_reader_done done,
    void *arg)
{
	if (p->waiting >= p->o.max_waiting || !pg_reader_up(p))
		return false;
	struct read *r = MEM_NEW(struct read);
	*r = (struct read){NULL, c, key, len, partition, false, done, arg};
	*p->last = r;
	p->last = &r->next;
	p->waiting++;
	pg_reader_send_waiting(p);
	return true;
}

bool pg_reader_query(
    struct pg_reader *p, const struct pg_query *q, pg_done done, void *arg)
{
	for (size_t i = 0; i < p->nslots && pg_reader_up(p); i++) {
		if (pg_submit(p->slots[i]->pg, q, 1, done, arg))
			return true;
	}
	return false;
}

void pg_reader_free(struct pg_reader **pp)
{
	struct pg_reader *p = *pp;
	if (p == NULL)
		return;
	p->closing = true;
	pg_pool_free(&p->pool);
	for (size_t i = 0; i < p->nslots; i++)
		free(p->slots[i]);
	pg_reader_fail_waiting(p);
	loop_timer_free(&p->probe);
	free(p->slots);
	free(p->sql);
	free(p);
	*pp = NULL;
}
