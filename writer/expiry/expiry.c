/* A round looks through every collection that declares `expires`, slice by
 * slice, in the order of the index. It goes on behind the last row of a slice,
 * so rows that cannot be deleted now do not hold up the others. The next slice
 * waits until Kafka has the deletes of this one, so that a slow log slows the
 * looking down.
 *
 * The race: a row is found again before its delete is applied. A second delete
 * would do no harm: its condition fails. But each is a record in the log, and a
 * rejection. So a round begins with the watermarks of all partitions. If one
 * has not passed the deletes that were appended to its partition before, the
 * round leaves this partition out. The rows are read after the watermarks, so
 * what was deleted is not found.
 *
 * If a row is found nevertheless, its delete was lost or rejected: a constraint
 * that an operator made may forbid it. So the deletes of the last minute are
 * remembered, as far as a small table has room, and not appended again.
 */
#include "writer/expiry/expiry.h"

#include "common/base/buf.h"
#include "common/base/check.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/kafka/producer.h"
#include "common/log/keyspace.h"
#include "common/log/record.h"
#include "common/postgres/pg_binary.h"
#include "common/postgres/pg_params.h"
#include "common/sql/bookkeeping.h"
#include "common/sql/sql.h"
#include "writer/core/crashpoint.h"
#include "writer/core/pg_request.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum { SLICE = 1000, SLOTS = 1 << 14 };
enum { KEY, VERSION, TIME };
#define AGAIN CLOCK_S(60)

/* What is known of a partition. */
struct expiry_partition {
	version_t appended; /* the last delete that Kafka has; 0: none */
	bool left_out;	    /* of this round */
};

/* A delete that was appended. */
struct sent {
	uint64_t row; /* a hash of the id and the version */
	mono_us_t at;
};

struct expiry {
	struct context *x;
	struct partition *const *parts;
	size_t n;
	struct loop_timer *timer;
	struct pg_request *ask;
	struct producer *producer; /* NULL until a row has expired */
	size_t outstanding;	   /* deletes without a report */
	bool full;		   /* the last slice was */
	bool closing;
	size_t at;	/* the collection */
	wall_us_t now;	/* that the slice was asked with */
	char *sql;	/* of the slice; owned */
	char *time;	/* of the last row; owned; NULL: the first slice */
	struct buf key; /* of the last row */
	bool begins;	/* the slice is the first one of a round */
	struct expiry_partition *of; /* each partition */
	struct sent *sent;
};

static const struct collection *next_of(size_t from, size_t *at)
{
	const struct collection *c;
	for (*at = from; (c = collection_at(*at)) != NULL; ++*at) {
		if (c->expires)
			return c;
	}
	return NULL;
}

static void expiry_begin_at(struct expiry *e, size_t from)
{
	const struct collection *c = next_of(from, &e->at);
	free(e->time);
	e->time = NULL;
	buf_clear(&e->key);
	e->begins = c == NULL;
	if (c == NULL)
		next_of(0, &e->at);
	loop_timer_start(e->timer, c ? 0 : e->x->settings->expiry_interval);
}

/* To be called when a slice is over: its rows are read, and its deletes are in
 * the log. */
static void go_on(struct expiry *e)
{
	if (e->closing || e->outstanding || e->ask)
		return;
	if (e->full)
		loop_timer_start(e->timer, 0);
	else
		expiry_begin_at(e, e->at + 1);
}

/* --- the log ------------------------------------------------------------- */

static void note_appended(
    struct expiry *e, int32_t partition, version_t version)
{
	struct expiry_partition *p = &e->of[partition];
	p->appended = version > p->appended ? version : p->appended;
}

static void expiry_on_delivered(void *arg, const struct delivery *d)
{
	struct expiry *e = arg;
	/* A row whose delete was lost is found again. */
	if (d->status == DELIVERY_OK && d->offset >= 0)
		note_appended(
		    e, d->partition, version_make(e->x->epoch, d->offset));
	CHECK(e->outstanding > 0);
	if (--e->outstanding == 0)
		go_on(e);
}

static struct err expiry_open(struct expiry *e)
{
	const struct common_settings *s = &e->x->settings->common;
	if (e->producer)
		return ERR_OK;
	return producer_new(&(struct producer_options){.loop = e->x->loop,
				.kafka = &e->x->kafka,
				.delivered = expiry_on_delivered,
				.arg = e,
				.numbered = (int32_t)s->partitions,
				.number = record_number},
	    &e->producer);
}

/* True: its delete was appended lately. Otherwise it counts as appended now. */
static bool was_sent(struct expiry *e, const struct buf *id, version_t version)
{
	uint64_t row = XXH3_64bits_withSeed(id->data, id->len, version);
	struct sent *s = &e->sent[row % SLOTS];
	mono_us_t now = clock_mono();
	if (s->row == row && s->at && now - s->at < AGAIN)
		return true;
	*s = (struct sent){row, now};
	return false;
}

static struct err expiry_append(struct expiry *e, const struct collection *c,
    const struct buf *id, int32_t partition, version_t version)
{
	char versions[24];
	snprintf(versions, sizeof versions, "%" PRIu64, version);
	const struct record_write w = {
	    .op = RECORD_DELETE,
	    .id = id->data,
	    .id_len = id->len,
	    .accepted_at = e->now,
	    .condition = RECORD_IF_EXPIRED,
	    .versions = versions,
	    .versions_len = strlen(versions),
	    .shape = c->shape,
	};
	const struct produce m = {
	    .topic = e->x->settings->common.writes_topic,
	    .partition = partition,
	    .key = id->data,
	    .key_len = id->len,
	    .headers = record_write_headers(&w),
	};
	struct err failed = producer_send(e->producer, &m);
	if (failed.kind != ERR_KIND_OK)
		return failed;
	e->outstanding++;
	metric_add(&e->x->stats.expired, 1);
	return failed;
}

/* --- rows ---------------------------------------------------------------- */

static struct err expiry_take_row(struct expiry *e, const struct collection *c,
    const PGresult *r, int row, struct buf *id)
{
	const char *key = PQgetvalue(r, row, KEY);
	size_t len = (size_t)PQgetlength(r, row, KEY);
	version_t version = (version_t)pg_int8(r, row, VERSION);
	buf_clear(id);
	buf_printf(id, "%s/", c->name);
	buf_add(id, key, len);
	/* Somebody else may have made a row that no write could. */
	if (!collection_key_valid(c, key, len))
		return ERR_OK;
	int32_t partition =
	    keyspace_slot(id->data, id->len, (int32_t)e->n).partition;
	if (e->parts[partition] == NULL || e->of[partition].left_out ||
	    was_sent(e, id, version))
		return ERR_OK;
	return expiry_append(e, c, id, partition, version);
}

static void note_last(struct expiry *e, const PGresult *r, int row)
{
	free(e->time);
	e->time = mem_strndup(
	    PQgetvalue(r, row, TIME), (size_t)PQgetlength(r, row, TIME));
	buf_clear(&e->key);
	buf_add(
	    &e->key, PQgetvalue(r, row, KEY), (size_t)PQgetlength(r, row, KEY));
}

static struct err expiry_take_rows(struct expiry *e, const PGresult *r)
{
	const struct collection *c = collection_at(e->at);
	int n = PQntuples(r);
	struct buf id = {0};
	struct err failed = n ? expiry_open(e) : ERR_OK;
	for (int row = 0; row < n && failed.kind == ERR_KIND_OK; row++)
		failed = expiry_take_row(e, c, r, row, &id);
	buf_free(&id);
	e->full = n == SLICE && failed.kind == ERR_KIND_OK;
	if (e->full)
		note_last(e, r, n - 1);
	return failed;
}

/* The watermarks, in the order of their partitions. */
static void leave_out(struct expiry *e, const PGresult *r)
{
	for (int row = 0; row < PQntuples(r); row++) {
		int32_t p = pg_int4(r, row, 0);
		if ((size_t)p < e->n)
			e->of[p].left_out = (version_t)pg_int8(r, row, 1) <=
						e->of[p].appended &&
					    e->of[p].appended > 0;
	}
}

static void expiry_on_rows(void *arg, const struct pg_reply *reply)
{
	struct expiry *e = arg;
	struct err failed = reply->err;
	e->ask = NULL;
	e->full = false;
	if (failed.kind == ERR_KIND_OK && e->begins)
		leave_out(e, reply->results[0]);
	if (failed.kind == ERR_KIND_OK)
		failed = expiry_take_rows(e, reply->results[e->begins]);
	if (failed.kind == ERR_KIND_OK)
		e->begins = false;
	if (failed.kind != ERR_KIND_OK)
		log_event(EV_EXPIRY_FAILED, "collection=%s code=%s error=%s",
		    collection_at(e->at)->name, failed.code,
		    log_quote(failed.msg));
	go_on(e);
}

static void expiry_ask(struct expiry *e)
{
	const struct collection *c = collection_at(e->at);
	struct buf sql = {0};
	sql_expired(&sql, c, e->time != NULL);
	free(e->sql);
	e->sql = buf_take(&sql, NULL);
	struct pg_params call = {
	    .sql = e->sql, .shape = {.columns = SQL_EXPIRED_SHAPE}};
	struct buf now = {0};
	e->now = clock_wall();
	format_add_date_time(&now, e->now);
	pg_params_text(&call, now.data);
	pg_params_int8(&call, SLICE);
	if (e->time) {
		pg_params_text(&call, e->time);
		buf_add(pg_params_param(&call), e->key.data, e->key.len);
	}
	const struct pg_query queries[] = {
	    pg_statement_query(&bookkeeping_progress_ordered),
	    pg_params_query(&call)};
	e->ask = e->begins ? pg_request_submit(
				 e->x->pool, queries, 2, expiry_on_rows, e)
			   : pg_request_submit(
				 e->x->pool, &queries[1], 1, expiry_on_rows, e);
	pg_params_free(&call);
	buf_free(&now);
}

/* A writer that applies nothing needs no more in the log. */
static void expiry_on_timer(void *arg)
{
	struct expiry *e = arg;
	if (!e->x->paused)
		expiry_ask(e);
	if (e->ask == NULL)
		loop_timer_start(e->timer, e->x->settings->expiry_interval);
}

struct expiry *expiry_new(
    struct context *x, struct partition *const *parts, size_t n)
{
	size_t first;
	if (next_of(0, &first) == NULL)
		return NULL;
	struct expiry *e = MEM_NEW(struct expiry);
	e->x = x;
	e->parts = parts;
	e->n = n;
	e->at = first;
	e->begins = true;
	e->of = mem_zalloc((n + 1) * sizeof *e->of);
	e->sent = mem_zalloc(SLOTS * sizeof *e->sent);
	e->timer = loop_timer_new(x->loop, expiry_on_timer, e);
	loop_timer_start(e->timer, x->settings->expiry_interval);
	return e;
}

void expiry_free(struct expiry **ep)
{
	struct expiry *e = *ep;
	if (e == NULL)
		return;
	e->closing = true;
	pg_request_cancel(&e->ask);
	if (e->producer)
		producer_free(&e->producer, CLOCK_S(1));
	loop_timer_free(&e->timer);
	buf_free(&e->key);
	free(e->sql);
	free(e->time);
	free(e->of);
	free(e->sent);
	free(e);
	*ep = NULL;
}
