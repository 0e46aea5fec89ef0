/* Sends the records of a batch, then its mark, in order, by the idempotent
 * producer.
 *
 * A mark declares that every record of its batch stands before it in the log.
 * So the order must survive failures:
 *
 *  1. If a record timed out in the local queue and the mark behind it were
 *     delivered, caches would take a stale entry for current. So messages never
 *     time out here (delivery.timeout.ms=0): either the whole queue waits for
 *     Kafka, or a fatal error ends it in order. The queue is bounded, because a
 *     partition whose announcements are not delivered applies no more batches
 *     (partition.c).
 *  2. If a record does not get into the queue (it is full, or the producer is
 *     being replaced), the mark is not sent, and the announcement has failed.
 *
 * `after` is the newest offset that was acknowledged when the announcement
 * began: its records were produced later, so they stand behind it.
 */
#include "writer/commits/announce.h"

#include "common/base/buf.h"
#include "common/base/check.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/kafka/producer.h"
#include "writer/core/crashpoint.h"

#include <stdlib.h>
#include <string.h>

struct announcement {
	struct announcement *next; /* in `over` */
	struct announcer *announcer;
	int32_t partition;
	uint64_t owner;
	int64_t after;
	mono_us_t begun;
	size_t outstanding;
	bool sealed;
	bool failed;
};

struct announce_partition {
	int64_t acknowledged;
	size_t outstanding;
	bool too_large; /* a message was, for Kafka */
};

struct announcer {
	struct producer *producer;
	struct kafka_property *extra;
	char *topic;
	struct announce_partition *parts;
	int32_t partitions;
	size_t outstanding;
	/* Announcements that are over without a report; the timer reports them.
	 */
	struct announcement *over;
	struct loop_timer *timer;
	struct metric_histogram *seconds; /* may be NULL */
	announced done;			  /* NULL: closing */
	void *arg;
};

static void announce_finish(struct announcement *n)
{
	struct announcer *a = n->announcer;
	if (a->seconds && !n->failed)
		metric_observe(a->seconds, clock_mono() - n->begun);
	if (a->done)
		a->done(a->arg, n->partition, n->owner, !n->failed);
	free(n);
}

static void announce_on_timer(void *arg)
{
	struct announcer *a = arg;
	while (a->over) {
		struct announcement *n = a->over;
		a->over = n->next;
		announce_finish(n);
	}
}

static void note_size(struct announcer *a, int32_t partition, const char *code)
{
	if (strcmp(code, "MSG_SIZE_TOO_LARGE") == 0)
		a->parts[partition].too_large = true;
}

static void announce_on_delivered(void *arg, const struct delivery *d)
{
	struct announcer *a = arg;
	struct announcement *n = d->opaque;
	CHECK(n->outstanding > 0 && a->outstanding > 0);
	a->outstanding--;
	a->parts[n->partition].outstanding--;
	n->outstanding--;
	if (d->status != DELIVERY_OK) {
		if (!n->failed && a->done)
			log_event(EV_ANNOUNCE_FAILED, "partition=%d code=%s",
			    n->partition, d->code);
		n->failed = true;
		note_size(a, n->partition, d->code);
	} else if (d->offset >= 0) {
		announcer_acknowledged(a, n->partition, d->offset);
	}
	if (n->sealed && n->outstanding == 0)
		announce_finish(n);
}

/* The caller's properties go last, so that an operator can override all. */
static struct kafka_config configured(
    struct announcer *a, const struct kafka_config *k)
{
	static const char *const own[][2] = {
	    {"delivery.timeout.ms", "0"},
	    /* Documents grow a little on their way through Postgres. */
	    {"message.max.bytes", "16777216"},
	};
	enum { OWN = sizeof own / sizeof own[0] };
	a->extra = mem_zalloc((OWN + k->nextra) * sizeof *a->extra);
	for (size_t i = 0; i < OWN; i++) {
		a->extra[i].name = (char *)(uintptr_t)own[i][0];
		a->extra[i].value = (char *)(uintptr_t)own[i][1];
	}
	for (size_t i = 0; i < k->nextra; i++)
		a->extra[OWN + i] = k->extra[i];
	struct kafka_config out = *k;
	out.extra = a->extra;
	out.nextra = OWN + k->nextra;
	return out;
}

struct err announcer_new(
    const struct announcer_options *o, struct announcer **out)
{
	struct announcer *a = MEM_NEW(struct announcer);
	*out = a;
	a->topic = mem_strdup(o->topic);
	a->partitions = o->partitions;
	a->parts = mem_zalloc((size_t)o->partitions * sizeof *a->parts);
	for (int32_t i = 0; i < o->partitions; i++)
		a->parts[i].acknowledged = -1;
	a->seconds = o->seconds;
	a->done = o->done;
	a->arg = o->arg;
	a->timer = loop_timer_new(o->loop, announce_on_timer, a);
	struct kafka_config kafka = configured(a, o->kafka);
	struct err e = producer_new(&(struct producer_options){.loop = o->loop,
					.kafka = &kafka,
					.delivered = announce_on_delivered,
					.arg = a},
	    &a->producer);
	if (e.kind == ERR_KIND_OK)
		producer_expect(a->producer, a->topic);
	else
		announcer_free(out, 0);
	return e;
}

void announcer_acknowledged(
    struct announcer *a, int32_t partition, int64_t offset)
{
	CHECK(partition >= 0 && partition < a->partitions);
	struct announce_partition *part = &a->parts[partition];
	if (offset > part->acknowledged)
		part->acknowledged = offset;
}

struct announcement *announce_begin(
    struct announcer *a, int32_t partition, uint64_t owner)
{
	CHECK(partition >= 0 && partition < a->partitions);
	struct announcement *n = MEM_NEW(struct announcement);
	*n = (struct announcement){
	    .announcer = a,
	    .partition = partition,
	    .owner = owner,
	    .after = a->parts[partition].acknowledged,
	    .begun = clock_mono(),
	};
	return n;
}

static void send_one(struct announcement *n, struct produce *m)
{
	struct announcer *a = n->announcer;
	m->topic = a->topic;
	m->partition = n->partition;
	m->opaque = n;
	struct err e = producer_send(a->producer, m);
	if (e.kind != ERR_KIND_OK) {
		log_event(EV_ANNOUNCE_FAILED, "partition=%d code=%s error=%s",
		    n->partition, e.code, log_quote(e.msg));
		n->failed = true;
		note_size(a, n->partition, e.code);
		return;
	}
	n->outstanding++;
	a->outstanding++;
	a->parts[n->partition].outstanding++;
}

void announce_record(struct announcement *n, const struct record_commit *c)
{
	if (n->failed)
		return;
	struct produce m = {
	    .key = c->id,
	    .key_len = c->id_len,
	    .value = c->omitted ? "" : c->doc,
	    .value_len = c->omitted ? 0 : c->doc_len,
	    .headers = record_commit_headers(c),
	};
	send_one(n, &m);
	crashpoint(CRASH_ANNOUNCE_RECORD);
}

static void send_mark(struct announcement *n, const struct record_mark *mark)
{
	struct buf text = {0};
	record_mark_write(mark, &text);
	struct produce m = {
	    .key = RECORD_MARK_KEY,
	    .key_len = strlen(RECORD_MARK_KEY),
	    .value = text.data,
	    .value_len = text.len,
	    .headers = record_mark_headers(mark),
	};
	send_one(n, &m);
	buf_free(&text);
	crashpoint(CRASH_ANNOUNCE_MARK);
}

/* How many verdicts fit into one message. */
static size_t fitting(const struct record_mark *mark)
{
	size_t n = 0, bytes = 0;
	while (n < mark->nverdicts && n < ANNOUNCE_VERDICTS) {
		bytes += record_verdict_size(&mark->verdicts[n]);
		if (n > 0 && bytes > ANNOUNCE_BYTES)
			break;
		n++;
	}
	return n;
}

void announce_mark(struct announcement *n, struct record_mark *mark)
{
	struct announcer *a = n->announcer;
	struct record_mark part = *mark;
	part.after = mark->after = n->after;
	for (size_t k; !n->failed && (k = fitting(&part)) < part.nverdicts;) {
		struct record_mark first = part;
		first.nverdicts = k;
		first.through = part.verdicts[k].version;
		send_mark(n, &first);
		part.from = first.through;
		part.verdicts += k;
		part.nverdicts -= k;
	}
	if (!n->failed)
		send_mark(n, &part);
	n->sealed = true;
	if (n->outstanding > 0)
		return;
	n->next = a->over;
	a->over = n;
	loop_timer_start(a->timer, 0);
}

void announce_anew(struct announcer *a, int32_t partition, version_t at)
{
	struct announcement *n = announce_begin(a, partition, ANNOUNCE_GAP);
	struct record_mark mark = {.from = at, .through = at, .anew = true};
	announce_mark(n, &mark);
}

bool announcer_too_large(struct announcer *a, int32_t partition)
{
	bool is = a->parts[partition].too_large;
	a->parts[partition].too_large = false;
	return is;
}

size_t announcer_outstanding(const struct announcer *a)
{
	return a->outstanding;
}

size_t announcer_outstanding_of(const struct announcer *a, int32_t partition)
{
	return a->parts[partition].outstanding;
}

bool announcer_reachable(const struct announcer *a)
{
	return producer_reachable(a->producer);
}

void announcer_free(struct announcer **ap, dur_us_t timeout)
{
	struct announcer *a = *ap;
	if (a == NULL)
		return;
	a->done = NULL;
	producer_free(&a->producer, timeout);
	announce_on_timer(a);
	loop_timer_free(&a->timer);
	free(a->extra);
	free(a->topic);
	free(a->parts);
	free(a);
	*ap = NULL;
}
