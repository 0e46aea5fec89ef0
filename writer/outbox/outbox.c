/* A round asks for the oldest notes, at most SLICE of them, appends a touch for
 * each, waits until Kafka has all of them, and deletes the notes:
 *
 *   IDLE       waits for a notification, or for the timer
 *   CHECKING   waits for the list of triggers that are missing, once a minute
 *   ASKING     waits for the notes (and for the lock, if it does not have it)
 *   APPENDING  waits for Kafka's reports
 *   DELETING   waits for Postgres
 *   PACING     waits until Postgres has applied the window before
 *
 * A round that had SLICE notes is followed by the next one at once, behind it:
 * so the dead rows of the notes that it has deleted are not read again. The
 * notes of a transaction that commits late have smaller ids. So the round after
 * one with fewer notes begins at the smallest id again.
 *
 * The touches of a great statement are appended at the pace at which they are
 * applied (writer/outbox/pace.h), so that the writes of clients do not wait
 * behind all of them. A partition that stands still must not hold up the
 * others: if none that is waited for moves for PATIENCE, the next window begins
 * all the same.
 *
 * If anything fails, the notes stay, and the next round has them again. A note
 * of what Sluice does not know (a collection that is not declared, a key that
 * cannot be one) is deleted without a touch.
 */
#include "writer/outbox/outbox.h"

#include "common/base/check.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/kafka/producer.h"
#include "common/log/keyspace.h"
#include "common/log/record.h"
#include "common/postgres/pg.h"
#include "common/postgres/pg_params.h"
#include "common/schema/collection.h"
#include "common/sql/bookkeeping.h"
#include "common/sql/sql.h"
#include "writer/outbox/pace.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define LOOK CLOCK_S(1)
#define CHECK_EACH CLOCK_S(60)
#define PACE_EACH CLOCK_MS(10)
#define PATIENCE CLOCK_S(1)
enum { SLICE = BOOKKEEPING_OUTBOX_ROWS };

enum outbox_state { IDLE, CHECKING, ASKING, APPENDING, DELETING, PACING };

struct outbox {
	struct context *x;
	struct pg *pg;
	struct producer *producer; /* NULL: nothing was appended yet */
	struct loop_timer *timer;
	struct pace *pace;
	/* PACING: the watermarks of the partitions that it waits for, added up;
	 * and until when it waits, if none of them moves. */
	uint64_t pace_seen;
	mono_us_t pace_until;
	enum outbox_state state;
	bool locked;   /* this session has the advisory lock */
	bool notified; /* while a round was under way */
	int64_t after; /* the last id of the round before, or 0 */
	int64_t ids[SLICE];
	size_t n;
	mono_us_t check_at; /* when the triggers are looked at next */
	size_t outstanding; /* touches without a report */
	bool failed;	    /* a touch of this round is not in the log */
};

static void outbox_ask(struct outbox *o);

/* What /metrics says: of a writer that has the lock. */
static void outbox_tell(struct outbox *o, size_t notes, dur_us_t age)
{
	metric_set(&o->x->stats.outbox_notes, (int64_t)notes);
	metric_set(&o->x->stats.outbox_age, age);
}

static void outbox_later(struct outbox *o)
{
	o->state = IDLE;
	o->notified = false;
	loop_timer_start(o->timer, LOOK);
}

/* The notes stay, and are tried again. */
static void outbox_failed(struct outbox *o, const char *code, const char *why)
{
	log_event(EV_OUTBOX_FAILED, "code=%s error=%s", code, log_quote(why));
	outbox_later(o);
}

/* If the connection is not ready, postgres.down said why. */
static void outbox_submit(
    struct outbox *o, const struct pg_query *q, pg_done done)
{
	if (!pg_submit(o->pg, q, 1, done, o))
		outbox_later(o);
}

static void outbox_go_on(struct outbox *o)
{
	o->state = IDLE;
	if (o->after || o->notified)
		outbox_ask(o);
	else
		outbox_later(o);
}

/* --- not too far ahead of Postgres --------------------------------------- */

static void outbox_on_progress(void *arg, const struct pg_reply *reply)
{
	struct outbox *o = arg;
	uint64_t seen = 0;
	if (reply->err.kind != ERR_KIND_OK) {
		outbox_failed(o, reply->err.code, reply->err.msg);
		return;
	}
	const PGresult *r = reply->results[0];
	for (int row = 0; row < PQntuples(r); row++) {
		struct position at = {
		    pg_int4(r, row, 0), (version_t)pg_int8(r, row, 1)};
		if (!pace_applied(o->pace, at))
			seen += 1 + at.version;
	}
	if (seen != o->pace_seen)
		o->pace_until = clock_mono() + PATIENCE;
	o->pace_seen = seen;
	if (seen == 0 || clock_mono() >= o->pace_until) {
		pace_turn(o->pace);
		outbox_go_on(o);
	} else
		loop_timer_start(o->timer, PACE_EACH);
}

static void outbox_look_at_progress(struct outbox *o)
{
	struct pg_params c = pg_statement_params(&bookkeeping_progress);
	const struct pg_query q = pg_params_query(&c);
	outbox_submit(o, &q, outbox_on_progress);
	pg_params_free(&c);
}

/* The round is over, and its notes are deleted, or there were none. */
static void outbox_next(struct outbox *o)
{
	o->after = o->n == SLICE ? o->ids[SLICE - 1] : 0;
	if (!pace_due(o->pace)) {
		outbox_go_on(o);
		return;
	}
	o->state = PACING;
	o->pace_seen = 0;
	outbox_look_at_progress(o);
}

/* --- the notes go -------------------------------------------------------- */

static void outbox_on_deleted(void *arg, const struct pg_reply *reply)
{
	struct outbox *o = arg;
	if (reply->err.kind != ERR_KIND_OK)
		outbox_failed(o, reply->err.code, reply->err.msg);
	else
		outbox_next(o);
}

static void outbox_delete(struct outbox *o)
{
	struct pg_params c = pg_statement_params(&bookkeeping_outbox_delete);
	struct buf *ids = pg_params_param(&c);
	pg_array_begin(ids, PG_INT8, o->n);
	for (size_t i = 0; i < o->n; i++)
		pg_array_int8(ids, o->ids[i]);
	const struct pg_query q = pg_params_query(&c);
	o->state = DELETING;
	outbox_submit(o, &q, outbox_on_deleted);
	pg_params_free(&c);
}

/* --- the log ------------------------------------------------------------- */

static void outbox_appended(struct outbox *o)
{
	if (o->outstanding > 0)
		return;
	if (o->failed)
		outbox_failed(o, "log", "the log has not all touches");
	else
		outbox_delete(o);
}

static void outbox_on_delivered(void *arg, const struct delivery *d)
{
	struct outbox *o = arg;
	CHECK(o->outstanding > 0);
	o->outstanding--;
	o->failed = o->failed || d->status != DELIVERY_OK;
	if (d->status == DELIVERY_OK) {
		metric_add(&o->x->stats.touches, 1);
		if (d->offset >= 0)
			pace_told(
			    o->pace, (struct position){d->partition,
					 version_make(o->x->epoch, d->offset)});
	}
	/* Not while the round is still being sent. */
	if (o->state == APPENDING)
		outbox_appended(o);
}

static struct err outbox_open(struct outbox *o)
{
	if (o->producer)
		return ERR_OK;
	return producer_new(
	    &(struct producer_options){.loop = o->x->loop,
		.kafka = &o->x->kafka,
		.delivered = outbox_on_delivered,
		.arg = o,
		.numbered = (int32_t)o->x->settings->common.partitions,
		.number = record_number},
	    &o->producer);
}

static void outbox_touch(struct outbox *o, const char *id, size_t len)
{
	const struct common_settings *s = &o->x->settings->common;
	const struct record_write w = {
	    .op = RECORD_TOUCH,
	    .id = id,
	    .id_len = len,
	    .accepted_at = clock_wall(),
	};
	const struct produce m = {
	    .topic = s->writes_topic,
	    .partition =
		keyspace_slot(id, len, (int32_t)s->partitions).partition,
	    .key = id,
	    .key_len = len,
	    .headers = record_write_headers(&w),
	};
	struct err e = producer_send(o->producer, &m);
	if (e.kind == ERR_KIND_OK)
		o->outstanding++;
	else
		o->failed = true;
}

/* --- the triggers ------------------------------------------------------- */

static void outbox_on_triggers(void *arg, const struct pg_reply *reply)
{
	struct outbox *o = arg;
	metric_t *missing = &o->x->stats.triggers_missing;
	if (reply->err.kind != ERR_KIND_OK) {
		outbox_failed(o, reply->err.code, reply->err.msg);
		return;
	}
	const PGresult *r = reply->results[0];
	int n = PQntuples(r);
	if (n > 0 && n != metric_get(missing))
		log_event(EV_TRIGGERS_MISSING,
		    "missing=%d collection=%s trigger=%s", n,
		    log_quote(PQgetvalue(r, 0, 0)),
		    log_quote(PQgetvalue(r, 0, 1)));
	metric_set(missing, n);
	o->check_at = clock_mono() + CHECK_EACH;
	outbox_ask(o);
}

static void outbox_check(struct outbox *o)
{
	struct pg_params c = pg_statement_params(&bookkeeping_triggers_missing);
	const struct collection *each;
	struct buf name = {0};
	size_t n = 0;
	while (collection_at(n))
		n++;
	struct buf *names = pg_params_param(&c);
	pg_array_begin(names, PG_TEXT, n);
	for (size_t i = 0; (each = collection_at(i)) != NULL; i++)
		pg_array_text(names, each->name, strlen(each->name));
	struct buf *tables = pg_params_param(&c);
	pg_array_begin(tables, PG_TEXT, n);
	for (size_t i = 0; (each = collection_at(i)) != NULL; i++) {
		buf_clear(&name);
		sql_name(&name, each);
		pg_array_text(tables, name.data, name.len);
	}
	buf_free(&name);
	const struct pg_query q = pg_params_query(&c);
	o->state = CHECKING;
	outbox_submit(o, &q, outbox_on_triggers);
	pg_params_free(&c);
}

/* --- the notes come ------------------------------------------------------ */

enum { ID, COLLECTION, KEY, AGE, NEWEST };

/* Appends `collection/key`; false: there is no such document. */
static bool outbox_id(const PGresult *r, int row, struct buf *out)
{
	const char *name = PQgetvalue(r, row, COLLECTION);
	size_t name_len = (size_t)PQgetlength(r, row, COLLECTION);
	const char *key = PQgetvalue(r, row, KEY);
	size_t key_len = (size_t)PQgetlength(r, row, KEY);
	const struct collection *c = collection_find(name, name_len);
	if (c == NULL || !collection_key_valid(c, key, key_len))
		return false;
	buf_add(out, name, name_len);
	buf_char(out, '/');
	buf_add(out, key, key_len);
	return true;
}

static void outbox_unknown(const PGresult *r, int row)
{
	log_event(EV_OUTBOX_UNKNOWN, "collection=%s key=%s",
	    log_quote(PQgetvalue(r, row, COLLECTION)),
	    log_quote(PQgetvalue(r, row, KEY)));
}

static void outbox_take(struct outbox *o, const PGresult *r)
{
	struct buf id = {0};
	o->failed = outbox_open(o).kind != ERR_KIND_OK;
	for (int row = 0; row < (int)o->n; row++) {
		o->ids[row] = pg_int8(r, row, ID);
		buf_clear(&id);
		if (!outbox_id(r, row, &id))
			outbox_unknown(r, row);
		else if (!o->failed)
			outbox_touch(o, id.data, id.len);
	}
	buf_free(&id);
	o->state = APPENDING;
	outbox_appended(o);
}

/* A transaction that was rolled back has used up ids, too. */
static size_t outbox_waiting(const struct outbox *o, const PGresult *r)
{
	return o->n < SLICE
		   ? o->n
		   : (size_t)(pg_int8(r, 0, NEWEST) - pg_int8(r, 0, ID)) + 1;
}

static void outbox_on_notes(void *arg, const struct pg_reply *reply)
{
	struct outbox *o = arg;
	if (reply->err.kind != ERR_KIND_OK) {
		outbox_failed(o, reply->err.code, reply->err.msg);
		return;
	}
	if (!o->locked) {
		o->locked = *PQgetvalue(reply->results[0], 0, 0) != 0;
		if (o->locked)
			outbox_ask(o);
		else
			outbox_later(o);
		return;
	}
	const PGresult *r = reply->results[0];
	size_t n = (size_t)PQntuples(r);
	o->n = n < SLICE ? n : SLICE;
	outbox_tell(o, outbox_waiting(o, r), o->n ? pg_int8(r, 0, AGE) : 0);
	if (o->n == 0)
		outbox_next(o);
	else
		outbox_take(o, r);
}

static void outbox_ask(struct outbox *o)
{
	loop_timer_stop(o->timer);
	if (o->locked && clock_mono() >= o->check_at) {
		outbox_check(o);
		return;
	}
	struct pg_params c = pg_statement_params(
	    o->locked ? &bookkeeping_outbox_next : &bookkeeping_outbox_lock);
	if (o->locked)
		pg_params_int8(&c, (uint64_t)o->after);
	const struct pg_query q = pg_params_query(&c);
	o->notified = false;
	o->state = ASKING;
	outbox_submit(o, &q, outbox_on_notes);
	pg_params_free(&c);
}

static void outbox_on_timer(void *arg)
{
	struct outbox *o = arg;
	if (o->state == IDLE)
		outbox_ask(o);
	else if (o->state == PACING)
		outbox_look_at_progress(o);
}

static void outbox_on_notified(void *arg)
{
	struct outbox *o = arg;
	o->notified = true;
	if (o->state == IDLE && o->locked)
		outbox_ask(o);
}

static void outbox_on_state(void *arg, bool ready)
{
	struct outbox *o = arg;
	if (!ready) {
		/* Another writer may get the lock, and tell then. */
		o->locked = false;
		o->check_at = 0;
		outbox_tell(o, 0, 0);
		metric_set(&o->x->stats.triggers_missing, 0);
	} else if (o->state == IDLE)
		outbox_ask(o);
}

struct outbox *outbox_new(struct context *x)
{
	struct outbox *o = MEM_NEW(struct outbox);
	o->x = x;
	o->timer = loop_timer_new(x->loop, outbox_on_timer, o);
	o->pace = pace_new((size_t)x->settings->common.partitions, SLICE);
	o->pg = pg_new(&(struct pg_options){
	    .loop = x->loop,
	    .name = "primary",
	    .url = x->settings->common.primary_url,
	    .session = "read-write",
	    .setup = SQL_SESSION "; SET lock_timeout = '5s'; "
				 "LISTEN sluice_outbox",
	    .connect_timeout = CLOCK_S(5),
	    .query_timeout = CLOCK_S(60),
	    .state = outbox_on_state,
	    .notified = outbox_on_notified,
	    .arg = o,
	});
	return o;
}

void outbox_free(struct outbox **op)
{
	struct outbox *o = *op;
	if (o == NULL)
		return;
	pg_free(&o->pg);
	o->state = IDLE;
	if (o->producer)
		producer_free(&o->producer, 0);
	loop_timer_free(&o->timer);
	pace_free(&o->pace);
	free(o);
	*op = NULL;
}
