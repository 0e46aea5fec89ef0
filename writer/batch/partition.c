/* The life of a partition, from the takeover to the next rebalance.
 *
 *   TAKING ─► FILLING ─► APPLYING ─► FILLING     committed, or to be tried
 * again ▲         │          │ └─────────┴─ BACKOFF ◄ fenced, or not announced
 *
 * Invariants:
 *  - A partition is in one batch at a time, with the writes of [watermark, to).
 *    The fence accepts the batch only if Postgres's watermark is where this
 *    partition believes it to be. The next batch may begin before the former
 *    one is announced; its announcements come behind those of the former one.
 *  - Nothing more is applied while too many announcements are undelivered, and
 *    nothing more is announced after one failed, until the takeover has
 *    announced the gap.
 *  - What is buffered is bounded: at two batches the partition is paused, and
 *    its writes stay in Kafka.
 */
#include "writer/batch/partition.h"

#include "writer/batch/batch_policy.h"
#include "writer/batch/hold.h"
#include "writer/commits/announce.h"
#include "writer/core/crashpoint.h"
#include "writer/decide/judges.h"
#include "writer/decide/queue.h"
#include "writer/rejections/orders.h"

#include "common/base/backoff.h"
#include "common/base/check.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/base/random.h"
#include "common/trace/tracer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const state_names[] = {
    [PARTITION_TAKING] = "taking",
    [PARTITION_FILLING] = "running",
    [PARTITION_APPLYING] = "applying",
    [PARTITION_BACKOFF] = "backing-off",
};

struct partition {
	struct partition_options o;
	struct context *x;
	struct consumer *consumer;
	enum partition_state state;
	uint64_t incarnation; /* of the last take: who announces */
	version_t watermark;
	int64_t next_offset;
	bool paused;
	bool draining;
	struct hold hold; /* later writes stay in Kafka meanwhile */
	bool gap_again;	  /* the takeover's announcement failed meanwhile */
	struct queue queue;
	struct dedup producers;
	/* After a failover that lost commits: up to where outcomes were told,
	 * and which. NULL: no more. */
	version_t told;
	struct announced *outcomes;
	struct batch_policy policy;
	/* A batch with several partitions failed: until a batch of this one
	 * succeeds, it shares none. */
	bool alone;
	struct slice *slice;	  /* in APPLYING; the batch's */
	struct loop_timer *timer; /* of BACKOFF */
	struct backoff again;
	const char *trouble; /* why it must be taken again; "" */
};

static void writer_partition_set_state(
    struct partition *p, enum partition_state to)
{
	loop_timer_stop(p->timer);
	p->state = to;
}

static void give_slice_away(struct partition *p)
{
	struct slice *s = p->slice;
	p->slice = NULL;
	if (s)
		batch_forget(s);
}

static void take_again(struct partition *p, const char *why)
{
	uint64_t bits = random_bits();
	p->trouble = why;
	queue_clear(&p->queue);
	give_slice_away(p);
	writer_partition_set_state(p, PARTITION_BACKOFF);
	loop_timer_start(p->timer, backoff_next(&p->again, bits));
}

/* --- batches ------------------------------------------------------------- */

static struct batch_policy_fill fill_of(const struct partition *p)
{
	const struct queue *q = &p->queue;
	return (struct batch_policy_fill){
	    q->n, q->bytes, q->n ? queue_at(q, 0)->arrived : 0};
}

static void writer_partition_apply_backpressure(struct partition *p)
{
	struct batch_policy_fill f = fill_of(p);
	if (!p->paused && batch_policy_full(&p->policy, &f)) {
		p->paused = true;
		consumer_pause(p->consumer, p->o.number);
	} else if (p->paused && !p->hold.on &&
		   batch_policy_low(&p->policy, &f)) {
		p->paused = false;
		consumer_resume(p->consumer, p->o.number);
	}
}

/* Writes with announced outcomes form the same batches as before. */
static version_t batch_edge(const struct partition *p)
{
	return p->outcomes
		   ? announced_run(p->outcomes, queue_at(&p->queue, 0)->version)
		   : VERSION_MAX;
}

/* Are the documents of this atomic batch bounded more tightly than others? Then
 * it is a slice by itself, so that no other write is. */
static bool is_tight(const struct partition *p, const struct write *w)
{
	size_t most = (size_t)p->x->settings->common.document_max;
	return w->noperations > 0 && batch_document_max(w, most) < most;
}

/* How much a slice has so far. */
struct taken_in {
	size_t n, rows, bytes;
};

static bool takes(const struct partition *p, const struct taken_in *in,
    version_t edge, const struct partition_room *room)
{
	const struct queue *q = &p->queue;
	if (in->n >= q->n || queue_at(q, in->n)->version >= edge)
		return false;
	const struct write *w = queue_at(q, in->n);
	if (in->n > 0 && (is_tight(p, queue_at(q, 0)) || is_tight(p, w)))
		return false;
	bool fits =
	    (in->n == 0 && room->empty) ||
	    (in->rows < room->rows && in->bytes + w->size <= room->bytes);
	return fits &&
	       batch_policy_takes(&p->policy, in->n, in->bytes, w->size);
}

static bool may_announce(const struct partition *p)
{
	return announcer_outstanding_of(p->x->announcer, p->o.number) <
	       2 * p->policy.rows;
}

/* How long to wait for the rest of a batch with announced outcomes, which is in
 * the log and will come. */
static dur_us_t time_to_whole(
    const struct partition *p, const struct batch_policy_fill *f, mono_us_t now)
{
	const struct queue *q = &p->queue;
	bool whole = queue_at(q, q->n - 1)->version + 1 >= batch_edge(p) ||
		     batch_policy_full(&p->policy, f);
	dur_us_t left = f->oldest + CLOCK_S(1) - now;
	return whole || left < 0 ? 0 : left;
}

static dur_us_t time_to_due(
    const struct partition *p, const struct batch_policy_fill *f, mono_us_t now)
{
	if (batch_edge(p) != VERSION_MAX)
		return time_to_whole(p, f, now);
	return batch_policy_due(&p->policy, f, now)
		   ? 0
		   : batch_policy_wait(&p->policy, f, now);
}

static bool must_be_alone(const struct partition *p)
{
	return p->alone || p->outcomes || p->policy.limit < p->policy.rows;
}

bool partition_offers(
    const struct partition *p, mono_us_t now, struct partition_offer *out)
{
	const struct batch_policy_fill f = fill_of(p);
	/* partition_announced makes it ready again. */
	if (p->state != PARTITION_FILLING || p->draining || f.rows == 0 ||
	    !may_announce(p))
		return false;
	*out = (struct partition_offer){
	    f.rows, f.bytes, time_to_due(p, &f, now), must_be_alone(p)};
	return true;
}

static void measure(struct partition *p, const struct write *oldest)
{
	dur_us_t waited = clock_mono() - oldest->arrived;
	dur_us_t age = clock_wall() - oldest->accepted_at;
	metric_observe(&p->x->stats.wait_seconds, waited);
	metric_observe(
	    &p->x->stats.fetch_seconds, age > waited ? age - waited : 0);
}

struct slice *partition_take(
    struct partition *p, const struct partition_room *room)
{
	const struct queue *q = &p->queue;
	version_t edge = batch_edge(p);
	struct taken_in in = {0};
	CHECK(p->state == PARTITION_FILLING && q->n > 0);
	while (takes(p, &in, edge, room)) {
		const struct write *w = queue_at(q, in.n++);
		in.rows += write_rows(w);
		in.bytes += w->size;
	}
	if (in.n == 0)
		return NULL;
	size_t n = judges_fit(p->x->judges, queue_at(q, 0), in.n);
	struct slice *s =
	    slice_new(p->o.number, p->watermark, queue_take(&p->queue, n), n);
	measure(p, &s->writes[0]);
	s->owner = p;
	s->producers = &p->producers;
	s->announce_as = p->incarnation;
	s->told = p->told;
	s->alone = must_be_alone(p);
	p->slice = s;
	writer_partition_set_state(p, PARTITION_APPLYING);
	/* The next batch gathers while Postgres has this one. */
	writer_partition_apply_backpressure(p);
	return s;
}

static void partition_kick(struct partition *p)
{
	if (p->state != PARTITION_FILLING)
		return;
	writer_partition_apply_backpressure(p);
	p->o.ready(p->o.arg);
}

static void take_back(struct partition *p, struct slice *s)
{
	size_t n = s->n;
	queue_return(&p->queue, slice_take_writes(s), n);
}

void partition_committed(struct partition *p, struct slice *s)
{
	CHECK(p->slice == s && s->owner == p);
	p->slice = NULL;
	s->owner = NULL;
	s->producers = NULL;
	writer_partition_set_state(p, PARTITION_FILLING);
	p->watermark = s->to;
	if (p->watermark >= p->told)
		announced_free(&p->outcomes);
	p->trouble = "";
	p->alone = false;
	/* Writes that had to be tried are probably followed by similar ones. So
	 * the next slice does not grow. */
	if (!s->tried)
		batch_policy_applied(&p->policy);
	backoff_reset(&p->again);
	partition_kick(p);
}

void partition_decided(
    struct partition *p, enum batch_result result, struct slice *s)
{
	CHECK(p->slice == s);
	p->slice = NULL;
	writer_partition_set_state(p, PARTITION_FILLING);
	switch (result) {
	case BATCH_SPLIT:
		batch_policy_split(&p->policy, s->n, s->fits);
		take_back(p, s);
		break;
	case BATCH_ALONE:
		p->alone = true;
		take_back(p, s);
		break;
	case BATCH_RECOVERED:
		/* Its results were in the answer that was lost. The takeover
		 * announces the gap from the rows. */
		take_again(p, "");
		break;
	case BATCH_FENCED:
		take_again(p, "fenced by another writer");
		break;
	case BATCH_GIVEN_UP:
		take_again(p, "");
		break;
	}
	slice_free(&s);
	partition_kick(p);
}

static void writer_partition_on_timer(void *arg)
{
	struct partition *p = arg;
	CHECK(p->state == PARTITION_BACKOFF);
	if (p->draining)
		return;
	writer_partition_set_state(p, PARTITION_TAKING);
	p->o.retake(p->o.arg, p);
}

/* --- interface ----------------------------------------------------------- */

struct partition *partition_new(const struct partition_options *o)
{
	const struct writer_settings *s = o->x->settings;
	struct partition *p = MEM_NEW(struct partition);
	p->o = *o;
	p->x = o->x;
	p->state = PARTITION_TAKING;
	p->trouble = "";
	batch_policy_init(&p->policy, (size_t)s->batch_rows,
	    (size_t)s->batch_bytes, s->batch_linger);
	backoff_init(&p->again, CLOCK_MS(50), CLOCK_S(10));
	p->timer = loop_timer_new(o->x->loop, writer_partition_on_timer, p);
	return p;
}

void partition_start(
    struct partition *p, struct consumer *c, struct taken *taken)
{
	CHECK(p->state == PARTITION_TAKING);
	p->consumer = c;
	p->incarnation = ++p->x->incarnations;
	p->watermark = taken->watermark;
	p->next_offset = version_offset(taken->watermark);
	dedup_free(&p->producers);
	p->producers = taken->producers;
	taken->producers = (struct dedup){0};
	announced_free(&p->outcomes);
	p->told = taken->told;
	p->outcomes = taken->outcomes;
	taken->outcomes = NULL;
	p->paused = false;
	p->hold.on = false;
	p->trouble = "";
	writer_partition_set_state(p, PARTITION_FILLING);
	crashpoint(CRASH_TAKEN);
	if (p->gap_again)
		take_again(p, "committed changes are not announced");
	p->gap_again = false;
}

/* No more messages are taken, until the takeover brings them again. */
static void stop_before_it(struct partition *p)
{
	if (!p->paused)
		consumer_pause(p->consumer, p->o.number);
	p->paused = true;
}

/* True: the message is not read, and those behind it come again. */
static bool is_held_for_format(struct partition *p, const rd_kafka_message_t *m)
{
	version_t version = version_make(p->x->epoch, m->offset);
	if (!record_is_newer(m, STORED_WRITES) ||
	    orders_has(p->x->orders, p->o.number, version))
		return false;
	hold_format(&p->hold, p->x, m);
	stop_before_it(p);
	return true;
}

/* The announced outcome of the write at that offset. */
static enum announced_as recall(const struct partition *p, int64_t offset,
    const struct record_verdict **told)
{
	return p->outcomes ? announced_find(p->outcomes,
				 version_make(p->x->epoch, offset), told)
			   : ANNOUNCED_NOT;
}

static void count_malformed(struct partition *p, const struct write *w)
{
	metric_add(&p->x->stats.malformed, 1);
	log_event(EV_WRITE_MALFORMED, "partition=%d offset=%" PRId64 " why=%s",
	    p->o.number, w->message->offset, log_quote(w->detail));
}

static void partition_trace(const struct partition *p, struct write *w)
{
	struct span_start s;
	const struct record_text *said = &w->said.traceparent;
	if (tracer_follow(p->x->tracer, said->s, said->len, &s))
		write_traced(w, &s);
}

void partition_message(struct partition *p, rd_kafka_message_t *m)
{
	bool taken =
	    p->state == PARTITION_FILLING || p->state == PARTITION_APPLYING;
	if (!taken || p->hold.on || p->draining || m->offset < p->next_offset ||
	    is_held_for_format(p, m)) {
		rd_kafka_message_destroy(m);
		return;
	}
	struct write w;
	const struct record_verdict *told = NULL;
	enum announced_as as = recall(p, m->offset, &told);
	struct write_log log =
	    write_log_of(p->x->epoch, &p->x->settings->common);
	log.applied = as == ANNOUNCED_ACCEPTED; /* by whatever writer */
	write_read(&w, m, &log);
	write_told(&w, as, told);
	const struct write *unknown = hold_unknown(p->x, &w);
	if (unknown && !orders_has(p->x->orders, p->o.number, w.version)) {
		hold_declaration(&p->hold, p->o.number, unknown);
		stop_before_it(p);
		write_clear(&w);
		return;
	}
	p->next_offset = m->offset + 1;
	w.arrived = clock_mono();
	partition_trace(p, &w);
	if (w.refused == REASON_MALFORMED)
		count_malformed(p, &w);
	queue_push(&p->queue, &w);
	writer_partition_apply_backpressure(p);
	partition_kick(p);
}

void partition_announced(struct partition *p, uint64_t owner, bool delivered)
{
	bool ours = owner == p->incarnation || owner == ANNOUNCE_GAP;
	if (delivered && ours)
		crashpoint(CRASH_ANNOUNCED);
	/* Announcements from before the last take count in may_announce, too.
	 */
	if (delivered || !ours) {
		partition_kick(p);
		return;
	}
	metric_add(&p->x->stats.announce_failed, 1);
	if (p->state == PARTITION_TAKING)
		p->gap_again = p->gap_again || owner == ANNOUNCE_GAP;
	else if (p->state != PARTITION_BACKOFF)
		take_again(p, "committed changes are not announced");
}

/* If a batch is under way, the fence decides. */
void partition_found(struct partition *p, version_t believed, version_t found)
{
	if (p->state == PARTITION_FILLING && p->watermark == believed &&
	    found != believed)
		take_again(p, "Postgres is at another watermark");
}

void partition_fault(struct partition *p)
{
	if (p->state != PARTITION_TAKING && p->state != PARTITION_BACKOFF)
		take_again(p, "the next offset is not in the log");
}

void partition_ordered(struct partition *p)
{
	bool ready =
	    p->state == PARTITION_FILLING || p->state == PARTITION_APPLYING;
	if (ready && hold_is_over(&p->hold, p->x, p->o.number))
		take_again(p, ""); /* the messages behind it come again, too */
	else if (p->slice)
		batch_hurry(p->slice->batch);
}

void partition_drain(struct partition *p)
{
	p->draining = true;
	queue_clear(&p->queue);
}

int32_t partition_number(const struct partition *p)
{
	return p->o.number;
}

enum partition_state partition_state(const struct partition *p)
{
	return p->state;
}

const char *partition_state_name(const struct partition *p)
{
	return p->slice ? batch_state_name(p->slice->batch)
			: state_names[p->state];
}

const char *partition_trouble(const struct partition *p)
{
	if (p->hold.on)
		return p->hold.why;
	if (*p->trouble || p->slice == NULL)
		return p->trouble;
	return batch_trouble(p->slice->batch);
}

const char *partition_first(const struct partition *p)
{
	static char text[POSITION_MAX_LEN + 340];
	const struct slice *s = p->slice;
	char at[POSITION_MAX_LEN];
	if (s == NULL)
		return "";
	position_format(
	    (struct position){p->o.number, s->writes[0].version}, at);
	snprintf(text, sizeof text, "%s (%s)", at, write_quoted(&s->writes[0]));
	return text;
}

dur_us_t partition_unanswered(const struct partition *p)
{
	return p->slice ? batch_unanswered(p->slice->batch) : 0;
}

bool partition_busy(const struct partition *p)
{
	return p->state == PARTITION_APPLYING;
}

version_t partition_watermark(const struct partition *p)
{
	return p->watermark;
}

int64_t partition_next_offset(const struct partition *p)
{
	return p->next_offset;
}

bool partition_paused(const struct partition *p)
{
	return p->paused;
}

void partition_buffered(
    const struct partition *p, size_t *rows, size_t *bytes, wall_us_t *oldest)
{
	const struct slice *s = p->slice;
	const struct queue *q = &p->queue;
	*rows = q->n + (s ? s->n : 0);
	*bytes = q->bytes + (s ? s->bytes : 0);
	*oldest = 0;
	if (s)
		*oldest = s->writes[0].accepted_at;
	else if (q->n)
		*oldest = queue_at(q, 0)->accepted_at;
	else if (p->hold.on)
		*oldest = p->hold.since;
}

void partition_free(struct partition **pp)
{
	struct partition *p = *pp;
	if (p == NULL)
		return;
	queue_clear(&p->queue);
	dedup_free(&p->producers);
	announced_free(&p->outcomes);
	give_slice_away(p);
	loop_timer_free(&p->timer);
	free(p);
	*pp = NULL;
}
