#include "api/write/id_tail.h"

#include "common/base/buf.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/base/random.h"
#include "common/kafka/consumer.h"
#include "common/kafka/producer.h"
#include "common/log/record.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TICK CLOCK_MS(500)
#define AGAIN CLOCK_S(1)
/* A claim ends if its record was not read back within this time. */
#define LATE CLOCK_S(5)
/* An operator is told if the topic was not read to its end for this long. */
#define UNREAD CLOCK_S(10)

struct id_tail {
	struct id_tail_options o;
	struct consumer *consumer; /* NULL: no collection needs integer keys */
	struct producer *producer; /* likewise */
	struct loop_timer *again;  /* assigns again */
	struct loop_timer *tick;
	char instance[RECORD_INSTANCE_LEN + 1];
	mono_us_t since;   /* since when it was not read to its end */
	bool told;	   /* the operator was told */
	atomic_bool newer; /* a record has a format that is not known */
	atomic_bool read;
	atomic_bool up;
};

static void id_tail_assign(void *arg)
{
	struct id_tail *t = arg;
	const struct consumer_start start = {0, RD_KAFKA_OFFSET_BEGINNING};
	consumer_assign(t->consumer, &start, 1);
}

/* --- records -------------------------------------------------------------- */

static void id_tail_pass_over(struct id_tail *t, const rd_kafka_message_t *m)
{
	metric_add(&t->o.metrics->ids_malformed, 1);
	log_event(EV_IDS_MALFORMED, "partition=%d offset=%lld", m->partition,
	    (long long)m->offset);
}

static void lose(
    struct id_tail *t, const struct collection *c, const struct record_ids *ids)
{
	metric_add(&t->o.metrics->ids_lost, 1);
	log_event(EV_IDS_LOST, "collection=%s first=%" PRId64 " n=%" PRId64,
	    c->name, ids->first, ids->n);
}

/* Which ids it takes is not known. So none are reserved any more. */
static void id_tail_stop(struct id_tail *t, const rd_kafka_message_t *m)
{
	metric_add(&t->o.metrics->ids_malformed, 1);
	record_log_newer(m, t->o.topic, STORED_IDS);
	atomic_store(&t->newer, true);
}

static void id_tail_hear(struct id_tail *t, const rd_kafka_message_t *m)
{
	struct record_ids ids;
	size_t left;
	if (record_is_newer(m, STORED_IDS)) {
		id_tail_stop(t, m);
		return;
	}
	if (!record_ids_parse(m, &ids)) {
		id_tail_pass_over(t, m);
		return;
	}
	const struct collection *c =
	    collection_find(ids.collection, ids.collection_len);
	if (c == NULL || c->key != KEY_INTEGER)
		return; /* a collection that this instance does not have */
	struct id_range range = {ids.first, ids.first + ids.n};
	bool ours = strcmp(ids.instance, t->instance) == 0;
	enum id_log_heard what =
	    id_log_hear(t->o.log, c->index, range, ours ? ids.seq : 0, &left);
	if (what == ID_LOG_MINE)
		t->o.mine(t->o.arg, c, range);
	else if (what == ID_LOG_LOST)
		lose(t, c, &ids);
	if (what != ID_LOG_OTHERS && left == 0)
		t->o.ended(t->o.arg, c, false);
}

/* --- the consumer --------------------------------------------------------- */

static void id_tail_on_message(void *arg, rd_kafka_message_t *m)
{
	id_tail_hear(arg, m);
	rd_kafka_message_destroy(m);
}

static void id_tail_on_eof(void *arg, int32_t partition, int64_t end)
{
	struct id_tail *t = arg;
	(void)partition;
	if (!atomic_exchange(&t->read, true))
		log_event(EV_IDS_READ, "topic=%s records=%lld", t->o.topic,
		    (long long)end);
	t->told = false;
}

static void id_tail_on_fault(void *arg, int32_t partition, struct err e)
{
	struct id_tail *t = arg;
	(void)partition;
	(void)e; /* the consumer has logged it */
	if (atomic_exchange(&t->read, false))
		t->since = clock_mono();
	if (!loop_timer_armed(t->again))
		loop_timer_start(t->again, AGAIN);
}

static void id_tail_on_reachable(void *arg, bool yes)
{
	struct id_tail *t = arg;
	atomic_store(&t->up, yes);
}

static void tell_unread(struct id_tail *t)
{
	if (atomic_load(&t->read) || t->told ||
	    clock_mono() - t->since < UNREAD)
		return;
	t->told = true;
	log_event(EV_IDS_UNREAD, "topic=%s", t->o.topic);
}

static void id_tail_on_tick(void *arg)
{
	struct id_tail *t = arg;
	const struct collection *c;
	mono_us_t now = clock_mono();
	for (size_t i = 0; (c = collection_at(i)) != NULL; i++) {
		if (id_log_give_up(t->o.log, i, LATE, now))
			t->o.ended(t->o.arg, c, true);
	}
	tell_unread(t);
	loop_timer_start(t->tick, TICK);
}

/* --- claims --------------------------------------------------------------- */

static bool id_tail_append(struct id_tail *t, const struct collection *c,
    struct id_range range, uint64_t number)
{
	struct buf value = {0};
	struct record_ids ids = {
	    .first = range.first,
	    .n = range.end - range.first,
	    .accepted_at = clock_wall(),
	    .seq = number,
	};
	memcpy(ids.instance, t->instance, sizeof ids.instance);
	record_ids_write(&ids, &value);
	const struct produce p = {
	    .topic = t->o.topic,
	    .key = c->name,
	    .key_len = strlen(c->name),
	    .value = value.data,
	    .value_len = value.len,
	    .headers = record_ids_headers(&ids),
	};
	struct err e = producer_send(t->producer, &p);
	buf_free(&value);
	return e.kind == ERR_KIND_OK;
}

bool id_tail_claim(struct id_tail *t, const struct collection *c,
    const struct id_range *ranges, size_t n)
{
	size_t left = 1; /* if no claim was dropped */
	uint64_t first = id_log_claim(t->o.log, c->index, n, clock_mono());
	if (first == 0)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!id_tail_append(t, c, ranges[i], first + i))
			id_log_drop(t->o.log, c->index, first + i, &left);
	}
	return left > 0;
}

bool id_tail_ready(const struct id_tail *t)
{
	return atomic_load((atomic_bool *)&t->read) &&
	       !atomic_load((atomic_bool *)&t->newer) &&
	       atomic_load((atomic_bool *)&t->up) &&
	       producer_reachable(t->producer);
}

/* --- life ----------------------------------------------------------------- */

static bool id_tail_is_needed(void)
{
	const struct collection *c;
	for (size_t i = 0; (c = collection_at(i)) != NULL; i++) {
		if (c->key == KEY_INTEGER)
			return true;
	}
	return false;
}

/* Ignored: what counts is whether the record is read back. */
static void id_tail_on_delivered(void *arg, const struct delivery *d)
{
	(void)arg;
	(void)d;
}

static struct err start_producer(struct id_tail *t)
{
	const struct producer_options p = {
	    .loop = t->o.loop,
	    .kafka = t->o.kafka,
	    .delivered = id_tail_on_delivered,
	};
	struct err e = producer_new(&p, &t->producer);
	if (e.kind == ERR_KIND_OK)
		producer_expect(t->producer, t->o.topic);
	return e;
}

static struct err id_tail_start(struct id_tail *t)
{
	static const struct consumer_events events = {
	    .message = id_tail_on_message,
	    .eof = id_tail_on_eof,
	    .fault = id_tail_on_fault,
	    .reachable = id_tail_on_reachable,
	};
	const struct consumer_options c = {
	    .loop = t->o.loop,
	    .kafka = t->o.kafka,
	    .topic = t->o.topic,
	    .idle = true,
	    .events = &events,
	    .arg = t,
	};
	struct err e = start_producer(t);
	if (e.kind == ERR_KIND_OK)
		e = consumer_new(&c, &t->consumer);
	if (e.kind != ERR_KIND_OK) {
		producer_free(&t->producer, 0);
		return e;
	}
	t->again = loop_timer_new(t->o.loop, id_tail_assign, t);
	t->tick = loop_timer_new(t->o.loop, id_tail_on_tick, t);
	loop_timer_start(t->tick, TICK);
	id_tail_assign(t);
	return ERR_OK;
}

struct err id_tail_new(const struct id_tail_options *o, struct id_tail **out)
{
	struct id_tail *t = MEM_NEW(struct id_tail);
	t->o = *o;
	t->since = clock_mono();
	snprintf(t->instance, sizeof t->instance, "%016" PRIx64, random_bits());
	*out = t;
	struct err e = id_tail_is_needed() ? id_tail_start(t) : ERR_OK;
	if (e.kind != ERR_KIND_OK)
		id_tail_free(out);
	return e;
}

void id_tail_again(struct id_tail *t)
{
	atomic_store(&t->read, false);
	t->since = clock_mono();
	if (t->consumer) {
		id_tail_assign(t);
		return;
	}
	struct err e = id_tail_is_needed() ? id_tail_start(t) : ERR_OK;
	if (e.kind != ERR_KIND_OK)
		log_event(EV_IDS_UNREAD, "topic=%s error=%s", t->o.topic,
		    log_quote(e.msg));
}

void id_tail_free(struct id_tail **tp)
{
	struct id_tail *t = *tp;
	if (t == NULL)
		return;
	consumer_free(&t->consumer);
	producer_free(&t->producer, 0);
	loop_timer_free(&t->again);
	loop_timer_free(&t->tick);
	free(t);
	*tp = NULL;
}
