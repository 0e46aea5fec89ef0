/* The life of a partition, from the takeover to the next rebalance.
 *
 *   TAKING ─► FILLING ─► TRYING ─► FILLING       committed, or split
 *      ▲         │          │
 *      └─────────┴─ BACKOFF ◄                     fenced, or not announced
 *
 * Invariants:
 *  - Every batch is the transaction [watermark, to). The fence accepts it only
 *    if Postgres's watermark is where this partition believes it to be.
 *  - Nothing more is applied while too many announcements are undelivered, and
 *    nothing more is announced after one failed, until the takeover has
 *    announced the gap.
 *  - What is buffered is bounded: at two batches the partition is paused, and
 *    its writes stay in Kafka.
 */
#include "writer/batch/partition.h"

#include "writer/batch/batch_policy.h"
#include "writer/batch/batch_retry.h"
#include "writer/commits/announce.h"
#include "writer/core/crashpoint.h"
#include "writer/decide/fingerprints.h"
#include "writer/decide/judges.h"
#include "writer/decide/queue.h"
#include "writer/rejections/orders.h"

#include "common/base/backoff.h"
#include "common/base/check.h"
#include "common/base/entropy.h"
#include "common/base/log.h"
#include "common/base/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const state_names[] = {
    [PARTITION_TAKING] = "taking",
    [PARTITION_FILLING] = "running",
    [PARTITION_TRYING] = "trying",
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
	/* The partition stops before a write of an unknown shape. Later writes
	 * stay in Kafka until a writer with that shape runs. */
	bool held;
	version_t held_at;
	wall_us_t held_since; /* accepted-at of the write */
	char held_for[400];
	bool gap_again; /* the takeover's announcement failed meanwhile */
	struct queue queue;
	struct dedup producers;
	/* After a failover that lost commits: up to where outcomes were told,
	 * and which. NULL: no more. */
	version_t told;
	struct announced *outcomes;
	struct batch_policy policy;
	struct batch_retry *attempt;
	struct loop_timer *timer; /* linger, backoff */
	struct backoff again;
	const char *trouble; /* why it must be taken again; "" */
};

/* In quotes, for people. Valid for three more calls. */
static const char *id_of(const struct write *w)
{
	char id[COLLECTION_KEY_MAX + 1];
	snprintf(id, sizeof id, "%.*s", (int)w->id_len, w->id);
	return log_quote(id);
}

static void writer_partition_set_state(
    struct partition *p, enum partition_state to)
{
	loop_timer_stop(p->timer);
	p->state = to;
}

static void take_again(struct partition *p, const char *why)
{
	uint64_t bits = entropy_bits();
	p->trouble = why;
	queue_clear(&p->queue);
	batch_retry_drop(p->attempt);
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
	} else if (p->paused && !p->held && batch_policy_low(&p->policy, &f)) {
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

static bool takes(
    const struct partition *p, size_t n, size_t bytes, version_t edge)
{
	const struct queue *q = &p->queue;
	return n < q->n && queue_at(q, n)->version < edge &&
	       batch_policy_takes(&p->policy, n, bytes, queue_at(q, n)->size);
}

static struct batch *next_batch(struct partition *p)
{
	const struct queue *q = &p->queue;
	version_t edge = batch_edge(p);
	size_t n = 0, bytes = 0;
	while (takes(p, n, bytes, edge))
		bytes += queue_at(q, n++)->size;
	n = judges_fit(p->x->judges, queue_at(q, 0), n);
	struct batch *a = batch_new(p->x, p->o.number, p->watermark,
	    queue_take(&p->queue, n), n, batch_policy_reads(&p->policy));
	a->announce_as = p->incarnation;
	a->told = p->told;
	a->producers = &p->producers;
	return a;
}

static bool may_announce(const struct partition *p)
{
	return announcer_outstanding_of(p->x->announcer, p->o.number) <
	       2 * p->policy.rows;
}

/* The rest of the batch is in the log and will come; the wait for it is
 * limited. */
static bool partition_is_whole(
    const struct partition *p, const struct batch_policy_fill *f, mono_us_t now)
{
	const struct queue *q = &p->queue;
	version_t edge = batch_edge(p);
	return edge == VERSION_MAX ||
	       queue_at(q, q->n - 1)->version + 1 >= edge ||
	       batch_policy_full(&p->policy, f) || now - f->oldest > CLOCK_S(1);
}

static void kick(struct partition *p)
{
	if (p->state != PARTITION_FILLING)
		return;
	writer_partition_apply_backpressure(p);
	struct batch_policy_fill f = fill_of(p);
	mono_us_t now = clock_mono();
	if (f.rows == 0 || p->draining || p->x->paused)
		return;
	if (!partition_is_whole(p, &f, now)) {
		if (!loop_timer_armed(p->timer))
			loop_timer_start(p->timer, CLOCK_S(1));
		return;
	}
	if (!batch_policy_due(&p->policy, &f, now) &&
	    batch_edge(p) == VERSION_MAX) {
		if (!loop_timer_armed(p->timer))
			loop_timer_start(
			    p->timer, batch_policy_wait(&p->policy, &f, now));
		return;
	}
	if (!may_announce(p))
		return; /* partition_announced comes back here */
	writer_partition_set_state(p, PARTITION_TRYING);
	struct batch *a = next_batch(p);
	crashpoint(CRASH_BATCH_BEGIN);
	batch_retry_begin(p->attempt, a);
}

static void on_decided(
    void *arg, enum batch_retry_result result, struct batch *a)
{
	struct partition *p = arg;
	size_t n = a->n;
	writer_partition_set_state(p, PARTITION_FILLING);
	switch (result) {
	case BATCH_RETRY_COMMITTED:
		p->watermark = a->to;
		if (p->watermark >= p->told)
			announced_free(&p->outcomes);
		p->trouble = "";
		/* A batch whose writes had to be tried is probably followed by
		 * similar ones. So the next one does not grow. */
		if (!a->tried)
			batch_policy_applied(&p->policy);
		backoff_reset(&p->again);
		break;
	case BATCH_RETRY_SPLIT:
		batch_policy_split(&p->policy, n, a->fits);
		queue_return(&p->queue, batch_take_writes(a), n);
		break;
	case BATCH_RETRY_RECOVERED:
		/* Its results were in the answer that was lost. The takeover
		 * announces the gap from the rows. */
		take_again(p, "");
		break;
	case BATCH_RETRY_FENCED:
		take_again(p, "fenced by another writer");
		break;
	case BATCH_RETRY_GIVEN_UP:
		take_again(p, "");
		break;
	}
	batch_free(&a);
	kick(p);
	p->o.settled(p->o.arg);
}

static void writer_partition_on_timer(void *arg)
{
	struct partition *p = arg;
	if (p->state == PARTITION_FILLING) {
		kick(p);
	} else if (!p->draining) {
		CHECK(p->state == PARTITION_BACKOFF);
		writer_partition_set_state(p, PARTITION_TAKING);
		p->o.retake(p->o.arg, p);
	}
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
	p->attempt = batch_retry_new(o->x, on_decided, p);
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
	p->held = false;
	p->trouble = "";
	writer_partition_set_state(p, PARTITION_FILLING);
	crashpoint(CRASH_TAKEN);
	if (p->gap_again)
		take_again(p, "committed changes are not announced");
	p->gap_again = false;
}

static void partition_hold_back(struct partition *p, const struct write *w)
{
	const char *name = w->collection->name;
	char at[POSITION_MAX_LEN];
	position_format((struct position){p->o.number, w->version}, at);
	p->held = true;
	p->held_at = w->version;
	p->held_since = w->accepted_at;
	snprintf(p->held_for, sizeof p->held_for,
	    "%s (%s) was written with another declaration of %s than this "
	    "writer has: migrate that declaration and restart the writer with "
	    "it, or reject the write with POST /positions/%s/reject",
	    at, id_of(w), name, at);
	log_event(EV_WRITE_NEWER,
	    "partition=%d offset=%" PRId64
	    " position=%s key=%s collection=%s shape=%016" PRIx64,
	    p->o.number, w->message->offset, at, id_of(w), name, w->said.shape);
	if (!p->paused)
		consumer_pause(p->consumer, p->o.number);
	p->paused = true;
}

/* The announced outcome of the write at that offset. */
static enum announced_as recall(const struct partition *p, int64_t offset,
    const struct record_rejection **told)
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

void partition_message(struct partition *p, rd_kafka_message_t *m)
{
	bool taken =
	    p->state == PARTITION_FILLING || p->state == PARTITION_TRYING;
	if (!taken || p->held || p->draining || m->offset < p->next_offset) {
		rd_kafka_message_destroy(m);
		return;
	}
	struct write w;
	const struct record_rejection *told = NULL;
	enum announced_as as = recall(p, m->offset, &told);
	struct write_log log =
	    write_log_of(p->x->epoch, &p->x->settings->common);
	log.applied = as == ANNOUNCED_ACCEPTED; /* by whatever writer */
	write_read(&w, m, &log);
	write_told(&w, as, told);
	if (w.collection &&
	    !fingerprints_known(p->x->shapes, w.collection, w.said.shape) &&
	    !orders_has(p->x->orders, p->o.number, w.version)) {
		partition_hold_back(p, &w);
		write_clear(&w);
		return;
	}
	p->next_offset = m->offset + 1;
	w.arrived = clock_mono();
	if (w.refused == REASON_MALFORMED)
		count_malformed(p, &w);
	queue_push(&p->queue, &w);
	writer_partition_apply_backpressure(p);
	kick(p);
}

void partition_announced(struct partition *p, uint64_t owner, bool delivered)
{
	bool ours = owner == p->incarnation || owner == ANNOUNCE_GAP;
	if (delivered && ours)
		crashpoint(CRASH_ANNOUNCED);
	/* Announcements from before the last take count in may_announce, too.
	 */
	if (delivered || !ours) {
		kick(p);
		return;
	}
	metric_add(&p->x->stats.announce_failed, 1);
	if (p->state == PARTITION_TAKING)
		p->gap_again = p->gap_again || owner == ANNOUNCE_GAP;
	else if (p->state != PARTITION_BACKOFF)
		take_again(p, "committed changes are not announced");
}

void partition_hurry(struct partition *p)
{
	batch_retry_hurry(p->attempt);
}

void partition_resume(struct partition *p)
{
	kick(p);
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
	    p->state == PARTITION_FILLING || p->state == PARTITION_TRYING;
	if (p->held && ready &&
	    orders_has(p->x->orders, p->o.number, p->held_at))
		take_again(p, ""); /* the messages behind it come again, too */
	else
		batch_retry_hurry(p->attempt);
}

void partition_drain(struct partition *p)
{
	p->draining = true;
	queue_clear(&p->queue);
	batch_retry_drain(p->attempt);
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
	return p->state == PARTITION_TRYING ? batch_retry_state_name(p->attempt)
					    : state_names[p->state];
}

const char *partition_trouble(const struct partition *p)
{
	if (p->held)
		return p->held_for;
	return *p->trouble ? p->trouble : batch_retry_trouble(p->attempt);
}

const char *partition_first(const struct partition *p)
{
	static char text[POSITION_MAX_LEN + 340];
	const struct batch *a = batch_retry_batch(p->attempt);
	char at[POSITION_MAX_LEN];
	if (a == NULL || a->n == 0)
		return "";
	position_format(
	    (struct position){p->o.number, a->writes[0].version}, at);
	snprintf(text, sizeof text, "%s (%s)", at, id_of(&a->writes[0]));
	return text;
}

dur_us_t partition_unanswered(const struct partition *p)
{
	return batch_retry_unanswered(p->attempt);
}

bool partition_busy(const struct partition *p)
{
	return p->state == PARTITION_TRYING;
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
	const struct batch *a = batch_retry_batch(p->attempt);
	const struct queue *q = &p->queue;
	*rows = q->n + (a ? a->n : 0);
	*bytes = q->bytes + (a ? a->bytes : 0);
	*oldest = 0;
	if (a)
		*oldest = a->writes[0].accepted_at;
	else if (q->n)
		*oldest = queue_at(q, 0)->accepted_at;
	else if (p->held)
		*oldest = p->held_since;
}

void partition_free(struct partition **pp)
{
	struct partition *p = *pp;
	if (p == NULL)
		return;
	queue_clear(&p->queue);
	dedup_free(&p->producers);
	announced_free(&p->outcomes);
	batch_retry_free(&p->attempt);
	loop_timer_free(&p->timer);
	free(p);
	*pp = NULL;
}
