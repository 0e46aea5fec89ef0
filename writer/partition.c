/* The life of a partition, from the takeover to the next rebalance.
 *
 *   TAKING ─► FILLING ─► APPLYING ─► FILLING             committed
 *                           │ ├────► FILLING             rejected: smaller
 *                           │ └────► BACKOFF ─► TAKING   fenced
 *                           ▼
 *                        WAITING ─► CHECKING ─► APPLYING  it was not committed
 *                           ▲          │ └────► TAKING    it was
 *                           └──────────┘                  no answer
 *
 * Invariants:
 *  - Every batch is the transaction [watermark, to): the fence lets it in only
 *    if Postgres's watermark is where this partition believes it to be.
 *  - A batch whose answer was lost is never sent again before Postgres has
 *    told its watermark; the row lock makes that wait for a transaction that
 *    is still open.
 *  - Nothing more is applied while too many announcements are undelivered, and
 *    nothing more is announced after one failed, until the takeover has
 *    announced the gap.
 */
#include "writer/partition.h"

#include "writer/apply.h"
#include "writer/ask.h"
#include "writer/batch.h"
#include "writer/call.h"
#include "writer/queue.h"

#include "common/backoff.h"
#include "common/check.h"
#include "common/log.h"
#include "common/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct partition {
	struct partition_options o;
	struct context *x;
	struct consumer *consumer;
	enum partition_state state;
	uint64_t incarnation; /* of the last take: answers to older ones */
	version_t watermark;
	version_t committed; /* told to the group */
	int64_t next_offset;
	bool paused;
	bool draining;
	bool gap_again; /* the takeover's announcement failed meanwhile */
	struct queue queue;
	struct batch_policy policy;
	struct apply *apply; /* in APPLYING, WAITING and CHECKING */
	struct ask *check;   /* in CHECKING */
	struct loop_timer *timer;
	struct backoff retry;
	struct backoff again;
	char trouble[160];
};

static const char *const state_names[] = {
    [PARTITION_TAKING] = "taking",
    [PARTITION_FILLING] = "running",
    [PARTITION_APPLYING] = "applying",
    [PARTITION_WAITING] = "retrying",
    [PARTITION_CHECKING] = "checking",
    [PARTITION_BACKOFF] = "backing-off",
};

static void submit(struct partition *p);
static void kick(struct partition *p);

static uint64_t random_bits(void)
{
	return ((uint64_t)(uint32_t)random() << 32) | (uint32_t)random();
}

static void set_state(struct partition *p, enum partition_state to)
{
	loop_timer_stop(p->timer);
	p->state = to;
}

static void note_trouble(
    struct partition *p, const char *code, const char *text)
{
	snprintf(p->trouble, sizeof p->trouble, "%.31s %.120s", code, text);
}

static struct batch_fill fill_of(const struct partition *p)
{
	const struct queue *q = &p->queue;
	return (struct batch_fill){
	    q->n, q->bytes, q->n ? queue_at(q, 0)->arrived : 0};
}

static void apply_backpressure(struct partition *p)
{
	struct batch_fill f = fill_of(p);
	if (!p->paused && batch_full(&p->policy, &f)) {
		p->paused = true;
		consumer_pause(p->consumer, p->o.number);
	} else if (p->paused && batch_low(&p->policy, &f)) {
		p->paused = false;
		consumer_resume(p->consumer, p->o.number);
	}
}

/* --- giving up what is held ---------------------------------------------- */

static void drop(struct partition *p)
{
	queue_clear(&p->queue);
	ask_cancel(&p->check);
	if (p->apply && p->state == PARTITION_APPLYING)
		p->apply->owner = NULL;
	else
		apply_free(&p->apply);
	p->apply = NULL;
}

static void take_again(struct partition *p)
{
	drop(p);
	set_state(p, PARTITION_BACKOFF);
	loop_timer_start(p->timer, backoff_next(&p->again, random_bits()));
}

/* --- a batch that failed ------------------------------------------------- */

static void wait_and_check(struct partition *p)
{
	if (p->draining) {
		take_again(p); /* which a drained one does not do */
		p->o.settled(p->o.arg);
		return;
	}
	set_state(p, PARTITION_WAITING);
	loop_timer_start(p->timer, backoff_next(&p->retry, random_bits()));
}

static void fenced(struct partition *p, version_t at)
{
	log_event(EV_FENCED,
	    "partition=%d from=%" PRIu64 " to=%" PRIu64 " found=%" PRIu64,
	    p->o.number, p->apply->from, p->apply->to, at);
	metric_add(&p->x->stats.fenced, 1);
	take_again(p);
}

static void checked(struct partition *p, version_t at)
{
	struct apply *a = p->apply;
	if (at == a->from) {
		submit(p);
		return;
	}
	if (at != a->to) {
		fenced(p, at);
		return;
	}
	/* What it did was in the answer that got lost: the takeover reads it
	 * from the rows and announces it. */
	log_event(EV_BATCH_RECOVERED,
	    "partition=%d from=%" PRIu64 " to=%" PRIu64, p->o.number, a->from,
	    a->to);
	metric_add(&p->x->stats.recovered, 1);
	metric_add(&p->x->stats.applied, (int64_t)a->n);
	metric_add(&p->x->stats.batches, 1);
	p->trouble[0] = '\0';
	backoff_reset(&p->retry);
	take_again(p);
}

static void on_checked(void *arg, const struct pg_reply *reply)
{
	struct partition *p = arg;
	p->check = NULL;
	if (reply->err.verdict != VERDICT_OK) {
		note_trouble(p, reply->err.code, reply->err.msg);
		wait_and_check(p);
		return;
	}
	CHECK(reply->n == 2 && PQntuples(reply->results[1]) == 1);
	checked(p, (version_t)pg_int8(reply->results[1], 0, 1));
}

static void check_watermark(struct partition *p)
{
	struct call c[2] = {
	    {.sql = statements_patience}, {.sql = statements_progress}};
	struct buf *list = call_param(&c[1]);
	pg_array_begin(list, PG_INT4, 1);
	pg_array_int4(list, p->o.number);
	struct pg_query queries[2] = {call_query(&c[0]), call_query(&c[1])};
	p->check = ask_submit(p->x->pool, queries, 2, on_checked, p);
	if (p->check)
		set_state(p, PARTITION_CHECKING);
	else
		wait_and_check(p);
	call_free(&c[1]);
}

/* --- a batch ------------------------------------------------------------- */

static void retry(struct partition *p, const struct err *e)
{
	log_event(EV_BATCH_RETRY,
	    "partition=%d rows=%zu code=%s attempts=%u error=%s", p->o.number,
	    p->apply->n, e->code, p->retry.attempts + 1, log_quote(e->msg));
	metric_add(&p->x->stats.retried, 1);
	note_trouble(p, e->code, e->msg);
	wait_and_check(p);
}

static enum reason reason_of(const char *code)
{
	bool constraint = strncmp(code, "23", 2) == 0 ||
			  strncmp(code, "44", 2) == 0 ||
			  strncmp(code, "P0", 2) == 0;
	return constraint ? REASON_CONSTRAINT : REASON_DATA;
}

/* Down to one write it is the guilty one; until then, halves. */
static void rejected(
    struct partition *p, const struct err *e, const char *constraint)
{
	struct apply *a = p->apply;
	metric_add(&p->x->stats.split, 1);
	if (a->n == 1 && a->writes[0].refused != REASON_NONE) {
		/* Not even its rejection could be written down. */
		retry(p, e);
		return;
	}
	if (a->n == 1) {
		log_event(EV_WRITE_REJECTED,
		    "partition=%d version=%" PRIu64 " code=%s error=%s",
		    p->o.number, a->writes[0].version, e->code,
		    log_quote(e->msg));
		write_refuse(&a->writes[0], reason_of(e->code),
		    constraint[0] ? constraint : e->msg);
		submit(p);
		return;
	}
	batch_rejected(&p->policy, a->n);
	size_t n = a->n;
	queue_return(&p->queue, apply_take_writes(a), n);
	apply_free(&p->apply);
	set_state(p, PARTITION_FILLING);
	kick(p);
}

static void committed(struct partition *p)
{
	p->watermark = p->apply->to;
	apply_free(&p->apply);
	batch_applied(&p->policy);
	backoff_reset(&p->retry);
	backoff_reset(&p->again);
	p->trouble[0] = '\0';
	set_state(p, PARTITION_FILLING);
	kick(p);
}

static void on_applied(
    struct apply *a, const struct err *e, const char *constraint)
{
	struct partition *p = a->owner;
	CHECK(p->apply == a && p->state == PARTITION_APPLYING);
	/* No longer with Postgres, whatever comes next. */
	set_state(p, PARTITION_WAITING);
	switch (e->verdict) {
	case VERDICT_OK:
		committed(p);
		break;
	case VERDICT_REJECT:
		rejected(p, e, constraint);
		break;
	case VERDICT_FENCED:
		fenced(p, 0);
		break;
	case VERDICT_RETRY:
	case VERDICT_FATAL:
		retry(p, e);
		break;
	}
	p->o.settled(p->o.arg);
}

/* Also a second time, when it was not committed. */
static void submit(struct partition *p)
{
	if (apply_submit(p->apply)) {
		set_state(p, PARTITION_APPLYING);
		return;
	}
	note_trouble(p, "08006", pool_error(p->x->pool));
	wait_and_check(p);
}

static bool may_announce(const struct partition *p)
{
	return announcer_outstanding_of(p->x->announcer, p->o.number) <
	       2 * p->policy.rows;
}

static void kick(struct partition *p)
{
	if (p->state != PARTITION_FILLING)
		return;
	apply_backpressure(p);
	struct batch_fill f = fill_of(p);
	mono_us_t now = clock_mono();
	if (f.rows == 0 || p->draining)
		return;
	if (!batch_due(&p->policy, &f, now)) {
		if (!loop_timer_armed(p->timer))
			loop_timer_start(
			    p->timer, batch_wait(&p->policy, &f, now));
		return;
	}
	if (!may_announce(p))
		return; /* partition_announced comes back here */
	size_t n = 0, bytes = 0;
	while (n < p->queue.n && batch_takes(&p->policy, n, bytes,
				     queue_at(&p->queue, n)->body_len))
		bytes += queue_at(&p->queue, n++)->body_len;
	p->apply = apply_new(
	    p->x, p->o.number, p->watermark, queue_take(&p->queue, n), n);
	p->apply->done = on_applied;
	p->apply->owner = p;
	p->apply->announce_as = p->incarnation;
	submit(p);
}

static void on_timer(void *arg)
{
	struct partition *p = arg;
	switch (p->state) {
	case PARTITION_FILLING:
		kick(p);
		break;
	case PARTITION_WAITING:
		check_watermark(p);
		break;
	case PARTITION_BACKOFF:
		if (p->draining)
			break;
		set_state(p, PARTITION_TAKING);
		p->o.retake(p->o.arg, p);
		break;
	case PARTITION_TAKING:
	case PARTITION_APPLYING:
	case PARTITION_CHECKING:
		UNREACHABLE("a state without a timer");
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
	batch_init(&p->policy, (size_t)s->batch_rows, (size_t)s->batch_bytes,
	    s->batch_linger);
	backoff_init(&p->retry, CLOCK_MS(50), CLOCK_S(5));
	backoff_init(&p->again, CLOCK_MS(50), CLOCK_S(10));
	p->timer = loop_timer_new(o->x->loop, on_timer, p);
	return p;
}

void partition_start(
    struct partition *p, struct consumer *c, version_t watermark)
{
	CHECK(p->state == PARTITION_TAKING);
	p->consumer = c;
	p->incarnation = ++p->x->incarnations;
	p->watermark = watermark;
	p->next_offset = version_offset(watermark);
	p->paused = false;
	p->trouble[0] = '\0';
	set_state(p, PARTITION_FILLING);
	if (p->gap_again)
		take_again(p);
	p->gap_again = false;
}

void partition_message(struct partition *p, rd_kafka_message_t *m)
{
	bool wanted = p->state != PARTITION_TAKING &&
		      p->state != PARTITION_BACKOFF && !p->draining &&
		      m->offset >= p->next_offset;
	if (!wanted) {
		rd_kafka_message_destroy(m);
		return;
	}
	struct write w;
	p->next_offset = m->offset + 1;
	write_read(&w, m, p->x->epoch);
	w.arrived = clock_mono();
	queue_push(&p->queue, &w);
	if (p->state == PARTITION_FILLING)
		kick(p);
	else
		apply_backpressure(p);
}

void partition_announced(struct partition *p, uint64_t owner, bool delivered)
{
	if (owner != p->incarnation && owner != ANNOUNCE_GAP)
		return;
	if (delivered) {
		kick(p);
		return;
	}
	metric_add(&p->x->stats.announce_failed, 1);
	note_trouble(p, "announce", "what was committed is not announced");
	if (p->state == PARTITION_TAKING)
		p->gap_again = owner == ANNOUNCE_GAP;
	else if (p->state != PARTITION_BACKOFF)
		take_again(p);
}

void partition_hurry(struct partition *p)
{
	if (p->state == PARTITION_WAITING)
		loop_timer_start(p->timer, 0);
}

void partition_fault(struct partition *p)
{
	note_trouble(p, "log", "its offset is not in the log");
	if (p->state != PARTITION_TAKING && p->state != PARTITION_BACKOFF)
		take_again(p);
}

void partition_drain(struct partition *p)
{
	p->draining = true;
	if (p->state == PARTITION_WAITING || p->state == PARTITION_CHECKING)
		take_again(p);
	queue_clear(&p->queue);
}

void partition_commit(struct partition *p)
{
	if (p->consumer == NULL || p->committed == p->watermark)
		return;
	p->committed = p->watermark;
	consumer_commit(p->consumer, p->o.number, version_offset(p->watermark));
}

int32_t partition_number(const struct partition *p)
{
	return p->o.number;
}

enum partition_state partition_state(const struct partition *p)
{
	return p->state;
}

const char *partition_state_name(enum partition_state s)
{
	return state_names[s];
}

const char *partition_trouble(const struct partition *p)
{
	return p->trouble;
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
	const struct apply *a = p->apply;
	const struct queue *q = &p->queue;
	*rows = q->n + (a ? a->n : 0);
	*bytes = q->bytes + (a ? a->bytes : 0);
	*oldest = a	 ? a->writes[0].accepted_at
		  : q->n ? queue_at(q, 0)->accepted_at
			 : 0;
}

void partition_free(struct partition **pp)
{
	struct partition *p = *pp;
	if (p == NULL)
		return;
	drop(p);
	loop_timer_free(&p->timer);
	free(p);
	*pp = NULL;
}
