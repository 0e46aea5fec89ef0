/* Makes scripts of messages. One script is under way at a time.
 *
 *   HELD ─► FOLLOWING ─► APPLYING ─► FOLLOWING     applied
 *    ▲          │            │ └────► HELD          Redis's watermark differs
 *    │          ▼            ▼
 *    │       (moving)    RETRYING ─► APPLYING       Redis was away
 *    └── from any state: if another partition found that Redis's watermark
 *        differs, or if a key has another type
 *
 * Messages that arrive meanwhile wait in `pending`; above a limit they wait in
 * Kafka.
 *
 * If the answer of a script is lost, the script may have been executed. It is
 * sent again. If it had been executed, Redis has another turn now, and the
 * partition resumes from Redis. A Redis that was emptied, restored, or written
 * by another client is noticed in the same way.
 */
#include "projector/apply/partition.h"

#include "projector/apply/chunk.h"
#include "projector/apply/consume.h"
#include "projector/apply/pending.h"
#include "projector/apply/script.h"

#include "common/base/backoff.h"
#include "common/base/check.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/base/random.h"
#include "common/cache/l2.h"
#include "common/log/commits_reader.h"
#include "common/log/scan_back.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct partition {
	struct partition_context *x;
	int32_t partition;
	enum partition_state state;
	struct chunk chunk;
	struct commits_reader reader;
	int64_t done; /* offset behind what is in Redis */
	bool paused;
	bool draining;
	bool anew; /* it was ahead of the log and must be started anew */
	struct pending pending;
	struct script *script; /* in APPLYING */
	mono_us_t sent_at;
	struct loop_timer *timer;
	struct backoff backoff;
};

static void send_due(struct partition *l);

static void projector_partition_set_state(
    struct partition *l, enum partition_state to)
{
	loop_timer_stop(l->timer);
	l->state = to;
}

/* --- where to begin ------------------------------------------------------ */

static void move_to(struct partition *l, int64_t offset)
{
	pending_clear(&l->pending);
	commits_reader_move(&l->reader, offset);
	l->x->reassign(l->x->arg);
}

/* Until a mark starts it; the reader is where it begins. */
static void begin_search(struct partition *l)
{
	chunk_restart(&l->chunk, l->chunk.initialised, l->chunk.from);
	pending_clear(&l->pending);
	l->x->reassign(l->x->arg);
}

static void search_mark(struct partition *l)
{
	commits_reader_search(&l->reader, SCAN_BACK_FIRST);
	begin_search(l);
}

/* The log has no mark yet, and Redis was started at 0. The messages that were
 * heard are read again, and count then. */
static void begin_again(struct partition *l)
{
	bool heard = l->chunk.follower.next > 0;
	chunk_resume(&l->chunk, 0, 0, l->chunk.turn);
	if (heard)
		move_to(l, RD_KAFKA_OFFSET_BEGINNING);
	else if (l->reader.next < 0)
		l->reader.next = RD_KAFKA_OFFSET_BEGINNING;
}

/* --- messages ------------------------------------------------------------- */

static void projector_partition_apply_backpressure(struct partition *l)
{
	if (!l->paused && pending_is_high(&l->pending)) {
		l->paused = true;
		consumer_pause(l->x->consumer, l->partition);
	} else if (l->paused && pending_is_low(&l->pending)) {
		l->paused = false;
		consumer_resume(l->x->consumer, l->partition);
	}
}

static void pump(struct partition *l)
{
	if (l->state != PARTITION_FOLLOWING || l->draining)
		return;
	while (l->pending.n && l->chunk.due != CHUNK_START &&
	       !chunk_is_full(&l->chunk)) {
		rd_kafka_message_t *m = pending_pop(&l->pending);
		hear(&l->chunk, &l->x->stats, l->x->audit, l->x->tracer, m);
		rd_kafka_message_destroy(m);
	}
	projector_partition_apply_backpressure(l);
	if (l->chunk.due != CHUNK_NOTHING)
		send_due(l);
}

/* --- scripts ------------------------------------------------------------- */

static void retry_later(struct partition *l)
{
	projector_partition_set_state(l, PARTITION_RETRYING);
	loop_timer_start(l->timer, backoff_next(&l->backoff, random_bits()));
}

static void trace_applied(const struct partition *l)
{
	const char *topic = l->x->settings->common.commits_topic;
	char number[16];
	snprintf(number, sizeof number, "%d", l->partition);
	for (size_t i = 0; i < l->chunk.ntraces; i++) {
		const struct chunk_trace *t = &l->chunk.traces[i];
		struct span *s =
		    tracer_end(&t->span, SPAN_CONSUMER, "process commit");
		span_text(s, "messaging.system", "kafka", 5);
		span_text(s, "messaging.operation.type", "process", 7);
		span_text(
		    s, "messaging.destination.name", topic, strlen(topic));
		span_text(s, "messaging.destination.partition.id", number,
		    strlen(number));
		span_number(s, "messaging.kafka.offset", t->offset);
		span_text(s, "db.system.name", "redis", 5);
		tracer_send(l->x->tracer, s);
	}
}

static void applied(struct partition *l)
{
	struct stats *s = &l->x->stats;
	struct chunk *c = &l->chunk;
	bool reread = c->due == CHUNK_START && !c->follower.started;
	metric_add(&s->applied, 1);
	metric_add(&s->entries, (int64_t)c->n);
	if (c->newest)
		metric_observe(&s->apply_seconds, clock_wall() - c->newest);
	if (c->due == CHUNK_START) {
		metric_add(&s->jumps, 1);
		log_event(EV_PARTITION_STARTED,
		    "partition=%d watermark=%" PRIu64 " base=%" PRIu64,
		    l->partition, c->to, chunk_base(c));
		warm_want(l->x->warm, l->partition);
	}
	trace_applied(l);
	chunk_applied(c);
	backoff_reset(&l->backoff);
	l->done =
	    l->pending.n ? pending_first(&l->pending)->offset : l->reader.next;
	projector_partition_set_state(l, PARTITION_FOLLOWING);
	if (reread)
		begin_again(l);
	pump(l);
}

static void read_watermark_again(struct partition *l)
{
	partition_hold(l);
	l->x->resume(l->x->arg);
}

/* Another client wrote the key; a retry would fail, too. The resume discards
 * what it wrote (common/cache/l2.h, L2_LOOK). */
static bool partition_is_foreign(const redisReply *reply)
{
	return reply && strstr(reply->str, "WRONGTYPE");
}

static void partition_answered(struct partition *l, const redisReply *reply)
{
	struct stats *s = &l->x->stats;
	metric_observe(&s->script_seconds, clock_mono() - l->sent_at);
	if (reply && reply->type != REDIS_REPLY_ERROR) {
		if (script_was_applied(&l->chunk, reply)) {
			applied(l);
			return;
		}
		metric_add(&s->refused, 1);
		log_event(EV_REDIS_ELSEWHERE,
		    "partition=%d from=%" PRIu64 " answer=%s", l->partition,
		    l->chunk.from,
		    log_quote(reply->str ? reply->str : "no string"));
		read_watermark_again(l);
		return;
	}
	metric_add(&s->failed, 1);
	log_event(EV_SCRIPT_FAILED, "partition=%d error=%s", l->partition,
	    log_quote(reply ? reply->str : "no answer"));
	if (l->draining)
		projector_partition_set_state(l, PARTITION_HELD);
	else if (partition_is_foreign(reply))
		read_watermark_again(l);
	else
		retry_later(l);
}

static void partition_on_answer(void *arg, const redisReply *reply)
{
	struct partition *l = arg;
	l->script = NULL;
	partition_answered(l, reply);
	l->x->settled(l->x->arg);
}

static void send_due(struct partition *l)
{
	chunk_take_turn(&l->chunk, random_bits());
	l->script = script_send(l->x->redis, l->partition, &l->chunk,
	    l->x->settings->l2_ttl, clock_wall(), partition_on_answer, l);
	if (l->script == NULL) {
		retry_later(l);
		return;
	}
	l->sent_at = clock_mono();
	projector_partition_set_state(l, PARTITION_APPLYING);
}

/* --- what Kafka and Redis say -------------------------------------------- */

static bool parse_cursor(const redisReply *r, struct l2_cursor *out)
{
	return r && r->type == REDIS_REPLY_STRING &&
	       l2_cursor_parse(r->str, r->len, out);
}

void partition_resume(
    struct partition *l, const redisReply *watermark, const redisReply *cursor)
{
	struct l2_watermark w = {0};
	struct l2_cursor at;
	CHECK(l->state == PARTITION_HELD);
	bool has = watermark && watermark->type == REDIS_REPLY_STRING &&
		   l2_watermark_parse(watermark->str, watermark->len, &w);
	projector_partition_set_state(l, PARTITION_FOLLOWING);
	/* Messages of the former assignment would come behind a hole. */
	if (has && parse_cursor(cursor, &at)) {
		chunk_resume(&l->chunk, w.watermark, at.offset, at.turn);
		commits_reader_move(&l->reader,
		    at.offset ? at.offset : RD_KAFKA_OFFSET_BEGINNING);
		return;
	}
	chunk_restart(&l->chunk, has, w.watermark);
	commits_reader_search(&l->reader, SCAN_BACK_FIRST);
}

static void forget_foreign(struct partition *l)
{
	log_event(EV_REDIS_ELSEWHERE,
	    "partition=%d from=%" PRIu64 " answer=\"not of this log\"",
	    l->partition, l->chunk.from);
	search_mark(l);
}

void partition_eof(struct partition *l, int64_t end)
{
	if (l->state != PARTITION_FOLLOWING || l->reader.moving || l->draining)
		return;
	if (l->chunk.follower.started) {
		if (chunk_is_foreign(&l->chunk))
			forget_foreign(l);
		return;
	}
	if (partition_newer(l))
		return;
	if (commits_reader_retry(&l->reader, end)) {
		begin_search(l);
		return;
	}
	chunk_begin_empty(&l->chunk);
	send_due(l);
}

/* While the partition searches for a mark, Redis's old watermark does not
 * count, because the mark will replace it. Messages in `pending` do not count
 * yet. */
void partition_asks(struct partition *l)
{
	bool follows = l->state != PARTITION_HELD && !l->reader.moving &&
		       l->reader.next >= 0 && l->chunk.follower.started;
	writes_bound_asks(&l->chunk.bound,
	    follows ? follower_base(&l->chunk.follower) : 0, l->reader.next);
}

void partition_head(struct partition *l, version_t head)
{
	const struct writes_bound *b = &l->chunk.bound;
	if (writes_bound_answered(&l->chunk.bound, head, clock_mono()))
		l->anew = true;
	if (!l->anew || l->state != PARTITION_FOLLOWING || l->reader.moving ||
	    l->draining)
		return; /* otherwise the next time */
	l->anew = false;
	metric_add(&l->x->stats.ahead, 1);
	log_event(EV_REDIS_AHEAD,
	    "partition=%d heard=%" PRIu64 " head=%" PRIu64, l->partition,
	    b->asked_highest, b->judged);
	search_mark(l);
}

/* If the cursor is not in the log, the partition begins at the tail. After any
 * other fault it tries again at the same offset. */
void partition_fault(struct partition *l, const struct err *e)
{
	if (l->state == PARTITION_HELD || l->reader.moving)
		return;
	bool gone = consumer_is_gone(e);
	partition_hold(l);
	if (gone) {
		projector_partition_set_state(l, PARTITION_FOLLOWING);
		commits_reader_lost(&l->reader);
		begin_search(l);
	} else {
		loop_timer_start(l->timer, CLOCK_S(1));
	}
}

static void projector_partition_on_timer(void *arg)
{
	struct partition *l = arg;
	switch (l->state) {
	case PARTITION_RETRYING:
		send_due(l);
		break;
	case PARTITION_HELD: /* a fault: again */
		l->x->resume(l->x->arg);
		break;
	case PARTITION_FOLLOWING:
	case PARTITION_APPLYING:
		UNREACHABLE("a state without a timer");
	}
}

/* --- interface ----------------------------------------------------------- */

struct partition *partition_new(struct partition_context *x, int32_t partition)
{
	const struct projector_settings *s = x->settings;
	struct partition *l = MEM_NEW(struct partition);
	l->x = x;
	l->partition = partition;
	chunk_init(&l->chunk, (int32_t)s->common.partitions,
	    (size_t)s->chunk_entries, (size_t)s->chunk_bytes);
	l->timer = loop_timer_new(x->loop, projector_partition_on_timer, l);
	backoff_init(&l->backoff, CLOCK_MS(50), CLOCK_S(2));
	return l;
}

void partition_hold(struct partition *l)
{
	script_forget(&l->script);
	pending_clear(&l->pending);
	audit_forget(l->x->audit, l->partition);
	projector_partition_set_state(l, PARTITION_HELD);
}

bool partition_moving(const struct partition *l)
{
	return l->state != PARTITION_HELD && l->reader.moving;
}

int64_t partition_offset(const struct partition *l)
{
	return l->reader.next;
}

void partition_assigned(struct partition *l)
{
	commits_reader_assigned(&l->reader);
	l->paused = false;
	projector_partition_apply_backpressure(l);
}

void partition_message(struct partition *l, rd_kafka_message_t *m)
{
	if (l->state == PARTITION_HELD || l->draining ||
	    !commits_reader_takes(&l->reader, m->offset)) {
		rd_kafka_message_destroy(m);
		return;
	}
	pending_push(&l->pending, m);
	pump(l);
	projector_partition_apply_backpressure(l);
}

void partition_hurry(struct partition *l)
{
	if (l->state == PARTITION_RETRYING)
		loop_timer_start(l->timer, 0);
}

void partition_drain(struct partition *l)
{
	l->draining = true;
	pending_clear(&l->pending);
}

int32_t partition_partition(const struct partition *l)
{
	return l->partition;
}

enum partition_state partition_state(const struct partition *l)
{
	return l->state;
}

bool partition_newer(const struct partition *l)
{
	return l->chunk.newer > 0;
}

bool partition_initialised(const struct partition *l)
{
	return l->chunk.initialised;
}

version_t partition_watermark(const struct partition *l)
{
	return l->chunk.from;
}

size_t partition_waiting(const struct partition *l)
{
	return l->pending.n;
}

dur_us_t partition_lag(const struct partition *l)
{
	return l->pending.n ? kafka_message_age(pending_first(&l->pending)) : 0;
}

void partition_free(struct partition **lp)
{
	struct partition *l = *lp;
	if (l == NULL)
		return;
	partition_hold(l);
	chunk_free(&l->chunk);
	pending_free(&l->pending);
	loop_timer_free(&l->timer);
	free(l);
	*lp = NULL;
}
