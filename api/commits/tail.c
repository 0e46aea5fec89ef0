#include "api/commits/tail.h"

#include "common/base/check.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/base/random.h"
#include "common/kafka/consumer.h"
#include "common/log/commits_reader.h"
#include "common/log/follower.h"
#include "common/log/scan_back.h"
#include "common/log/writes_bound.h"
#include "common/schema/collection.h"
#include "common/schema/expiry.h"
#include "common/trace/tracer.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Delay of a new assignment. It replaces the offsets of all partitions and so
 * interrupts them; partitions that need another offset wait for each other. */
#define AGAIN CLOCK_MS(100)
#define AGAIN_AFTER_FAULT CLOCK_MS(500)

struct tail_partition {
	struct follower follower;
	_Atomic version_t through;
	_Atomic int64_t behind; /* offset at which to read on from `through` */
	struct commits_reader reader;
	struct writes_bound bound;
	bool stopped;  /* ahead of the log; ignores further messages */
	bool restarts; /* when the answer to the last question comes */
	_Atomic version_t forged;
	/* Redis may have commits below it that were undone */
	_Atomic version_t undone;
	_Atomic version_t head; /* of the log; VERSION_MAX: unknown */
	/* Behind the newest message of a format that this version does not
	 * know; 0: none, or a writer of a known format went on behind it. */
	_Atomic int64_t newer;
	bool compared; /* an answer was at or above all that was heard */
	bool asked;    /* it was following at the last question */
};

struct tail {
	struct tail_options o;
	struct consumer *consumer;
	struct loop_timer *again; /* assigns the partitions again */
	atomic_bool up;
	atomic_int closed;   /* number of partitions not started */
	atomic_int compared; /* number of partitions compared */
	_Atomic int64_t rejected;
	struct random jitter; /* for refreshed entries */
	struct tail_partition parts[];
};

static bool tail_start_of(void *arg, size_t i, struct consumer_start *out)
{
	struct tail_partition *part = &((struct tail *)arg)->parts[i];
	*out = (struct consumer_start){(int32_t)i, part->reader.next};
	if (!part->stopped)
		commits_reader_assigned(&part->reader);
	return true;
}

/* Replaces the whole assignment. Partitions that follow the log continue where
 * they are. */
static void tail_assign(struct tail *t)
{
	consumer_assign_each(
	    t->consumer, (size_t)t->o.partitions, tail_start_of, t);
}

static void on_again(void *arg)
{
	tail_assign(arg);
}

static void tail_assign_after(struct tail *t, dur_us_t after)
{
	if (!loop_timer_armed(t->again))
		loop_timer_start(t->again, after);
}

/* --- records ------------------------------------------------------------- */

static void update_l1(struct tail *t, const struct collection *collection,
    const struct record_commit *c, enum follow_record what)
{
	bool set =
	    collection && collection->refresh && what == FOLLOW_SET && c->doc;
	if (!set) {
		l1_remove(t->o.l1, c->id, c->id_len);
		return;
	}
	/* It is current as of just past its version, which is the floor that it
	 * raised. */
	struct value *v =
	    value_new(c->version, c->version + 1, c->doc, c->doc_len);
	value_end_by(v, expiry_of(collection, c->doc, c->doc_len));
	value_prepare_l1(v);
	dur_us_t ttl = collection->l1_ttl ? collection->l1_ttl : t->o.l1_ttl;
	l1_replace(t->o.l1, c->id, c->id_len, v,
	    clock_mono() + random_ttl(&t->jitter, ttl));
	value_unref(&v);
}

static void close_partition(struct tail *t, int32_t partition)
{
	if (floors_is_open(t->o.floors, partition))
		atomic_fetch_add(&t->closed, 1);
	floors_close(t->o.floors, partition);
}

static void tail_pass_over(struct tail *t, const rd_kafka_message_t *m)
{
	metric_add(&t->o.metrics->commits_malformed, 1);
	log_event(EV_TAIL_MALFORMED, "partition=%d offset=%lld", m->partition,
	    (long long)m->offset);
}

/* A message that is not believed counts as not heard, as if compaction had
 * removed it. So the next mark starts the partition anew. */
static bool tail_admits(
    struct tail *t, const rd_kafka_message_t *m, version_t through)
{
	struct tail_partition *part = &t->parts[m->partition];
	if (!writes_bound_admits(
		&part->bound, m->offset, through, clock_mono())) {
		tail_pass_over(t, m);
		return false;
	}
	follower_hear(&part->follower, m->offset);
	return true;
}

static void pass_malformed(struct tail *t, const rd_kafka_message_t *m)
{
	follower_hear(&t->parts[m->partition].follower, m->offset);
	tail_pass_over(t, m);
}

/* It counts as not heard. Nothing of the partition is served from the caches
 * any more, because what changed is not known. */
static void pass_newer(struct tail *t, const rd_kafka_message_t *m)
{
	struct tail_partition *part = &t->parts[m->partition];
	follower_hear(&part->follower, m->offset);
	metric_add(&t->o.metrics->commits_malformed, 1);
	record_log_newer(m, t->o.topic, STORED_COMMITS);
	atomic_store(&part->newer, m->offset + 1);
	if (!part->follower.started)
		return;
	follower_reset(&part->follower);
	close_partition(t, m->partition);
}

static void tail_hear_record(
    struct tail *t, int32_t partition, const struct record_commit *c)
{
	struct tail_partition *part = &t->parts[partition];
	enum follow_record what = follower_record(&part->follower, c->version);
	if (what == FOLLOW_IGNORE)
		return;
	metric_add(&t->o.metrics->commits_heard, 1);
	/* The floor first: from now on no older value is served, even if L1
	 * still has one. */
	struct key_slot slot = keyspace_slot(c->id, c->id_len, t->o.partitions);
	slot.partition = partition;
	floors_raise(t->o.floors, slot, c->version + 1);
	struct key_group group;
	if (keyspace_group_perhaps(c->id, c->id_len, &group))
		floors_raise(t->o.floors,
		    (struct key_slot){partition,
			keyspace_group_slot(group, t->o.partitions).bucket},
		    c->version + 1);
	const struct collection *collection =
	    collection_find(c->id, record_collection_len(c->id, c->id_len));
	if (collection)
		floors_raise_pages(
		    t->o.floors, collection->index, partition, c->version + 1);
	update_l1(t, collection, c, what);
	if (c->has_created)
		outcomes_record(t->o.outcomes,
		    (struct position){partition, c->created},
		    (struct outcome){.kind = OUTCOME_CREATED}, NULL);
}

void tail_begin_collection(struct tail *t, const struct collection *c)
{
	for (int32_t p = 0; p < t->o.partitions; p++)
		floors_raise_pages(t->o.floors, c->index, p,
		    follower_base(&t->parts[p].follower));
}

/* --- marks --------------------------------------------------------------- */

static void start_partition(struct tail *t, int32_t partition, bool jump)
{
	struct tail_partition *part = &t->parts[partition];
	version_t base = follower_base(&part->follower);
	outcomes_start(t->o.outcomes, partition, base);
	bool closed = !floors_is_open(t->o.floors, partition);
	floors_open(t->o.floors, partition, base);
	if (closed)
		atomic_fetch_sub(&t->closed, 1);
	if (jump)
		metric_add(&t->o.metrics->jumps, 1);
	log_event(EV_TAIL_START, "partition=%d watermark=%llu base=%llu",
	    partition, (unsigned long long)part->follower.watermark,
	    (unsigned long long)base);
}

static void tail_move(struct tail *t, int32_t partition, int64_t after)
{
	struct tail_partition *part = &t->parts[partition];
	/* Then `moved` looks who waits: api/core/waiters.h. */
	atomic_store(&part->through, part->follower.watermark);
	/* After the watermark: a thread that sees the offset sees a watermark
	 * at least as new. */
	atomic_store_explicit(&part->behind, after + 1, memory_order_release);
	t->o.moved(t->o.arg, partition);
}

/* Forgets what was heard of a closed partition, as after a restart. `floor`
 * must be above all commits that were heard of and exist. */
static void discard(struct tail *t, int32_t partition, version_t floor)
{
	floors_reset(t->o.floors, partition, floor);
	/* First: a lookup that began before it keeps nothing after the purge.
	 */
	atomic_fetch_add(t->o.purges, 1);
	l1_purge(t->o.l1, "", 0);
	outcomes_forget(t->o.outcomes, partition);
}

/* The writes from mark->from on will be decided anew, so what was heard of
 * their outcomes is not true any more. Redis has it, too, until the projector
 * has heard the mark. Only a watermark above all that was heard shows that it
 * has. If nothing was heard of these writes, Redis has nothing of them either.
 */
static enum follow_mark undo(
    struct tail *t, int32_t partition, const struct record_mark *mark)
{
	struct tail_partition *part = &t->parts[partition];
	version_t heard = follower_base(&part->follower);
	log_event(EV_TAIL_ANEW, "partition=%d from=%llu heard=%llu", partition,
	    (unsigned long long)mark->from, (unsigned long long)heard);
	close_partition(t, partition);
	discard(t, partition, mark->through);
	if (heard > mark->from && heard > atomic_load(&part->undone))
		atomic_store(&part->undone, heard);
	if (mark->told > atomic_load(&part->undone))
		atomic_store(&part->undone, mark->told);
	return follower_anew(&part->follower, mark->through);
}

static void tail_hear_verdicts(
    struct tail *t, int32_t partition, const struct record_mark *mark)
{
	int64_t rejected = 0;
	for (size_t i = 0; i < mark->nverdicts; i++) {
		outcomes_verdict(t->o.outcomes, partition, &mark->verdicts[i]);
		rejected += !mark->verdicts[i].replayed;
	}
	atomic_fetch_add(&t->rejected, rejected);
}

static void tail_hear_mark(
    struct tail *t, int32_t partition, const struct record_mark *mark)
{
	struct tail_partition *part = &t->parts[partition];
	/* Does it tell nothing of what was passed over? */
	if (mark->after + 1 < atomic_load(&part->newer))
		return;
	atomic_store(&part->newer, 0);
	enum follow_mark what = mark->anew
				    ? undo(t, partition, mark)
				    : follower_mark(&part->follower, mark->from,
					  mark->through, mark->after);
	if (what == FOLLOW_MARK_JUMP)
		start_partition(t, partition, true);
	if (what != FOLLOW_MARK_IGNORE) {
		tail_hear_verdicts(t, partition, mark);
		metric_add(&t->o.metrics->marks_heard, 1);
		tail_move(t, partition, mark->after);
	}
}

static void tail_trace(
    struct tail *t, const rd_kafka_message_t *m, const struct span_start *start)
{
	char text[16];
	struct span *s = tracer_end(start, SPAN_CONSUMER, "hear commit");
	snprintf(text, sizeof text, "%d", m->partition);
	span_text(s, "messaging.system", "kafka", 5);
	span_text(s, "messaging.operation.type", "process", 7);
	span_text(
	    s, "messaging.destination.name", t->o.topic, strlen(t->o.topic));
	span_text(s, "messaging.destination.partition.id", text, strlen(text));
	span_number(s, "messaging.kafka.offset", m->offset);
	tracer_send(t->o.tracer, s);
}

/* The record of a write that is traced is traced, too; but not while the tail
 * starts, and reads what is old. */
static void tail_hear_traced(
    struct tail *t, const rd_kafka_message_t *m, const struct record_commit *c)
{
	struct span_start start;
	struct tracer *tracer = tail_compared(t) ? t->o.tracer : NULL;
	tracer_follow(tracer, c->traceparent.s, c->traceparent.len, &start);
	tail_hear_record(t, m->partition, c);
	if (span_is_on(&start))
		tail_trace(t, m, &start);
}

static void tail_hear(struct tail *t, const rd_kafka_message_t *m)
{
	struct commits_message c;
	commits_message_parse(m, t->o.partitions, &c);
	if (c.kind == COMMITS_MALFORMED)
		pass_malformed(t, m);
	else if (c.kind == COMMITS_NEWER)
		pass_newer(t, m);
	else if (!tail_admits(t, m, c.through))
		; /* it counts as not heard */
	else if (c.kind == COMMITS_RECORD)
		tail_hear_traced(t, m, &c.record);
	else {
		tail_hear_mark(t, m->partition, &c.mark);
		metric_observe(
		    &t->o.metrics->heard_seconds, kafka_message_age(m));
	}
	commits_message_free(&c);
}

/* --- the head of the log -------------------------------------------------- */

void tail_asks(struct tail *t)
{
	for (int32_t p = 0; p < t->o.partitions; p++) {
		struct tail_partition *part = &t->parts[p];
		bool follows = part->follower.started && !part->reader.moving;
		writes_bound_asks(&part->bound,
		    follows ? follower_base(&part->follower) : 0,
		    part->reader.next);
		part->asked = follows;
		part->restarts = part->stopped;
	}
}

/* The partition is ahead of the log: its floors come from a forged commit.
 * Closes it, so that nothing is served from its caches, and ignores its
 * messages until Postgres has been asked once more. */
static void tail_stop(struct tail *t, int32_t partition)
{
	struct tail_partition *part = &t->parts[partition];
	metric_add(&t->o.metrics->ahead, 1);
	log_event(EV_TAIL_AHEAD, "partition=%d heard=%llu head=%llu", partition,
	    (unsigned long long)part->bound.asked_highest,
	    (unsigned long long)part->bound.judged);
	close_partition(t, partition);
	if (part->bound.asked_highest > part->bound.judged)
		atomic_store(&part->forged, part->bound.asked_highest);
	atomic_store(&part->through, 0);
	atomic_store(&part->behind, 0);
	part->stopped = true;
	part->reader.moving = true;
}

static void tail_compare(
    struct tail *t, struct tail_partition *part, version_t head)
{
	if (part->compared || !part->asked || part->bound.asked_highest > head)
		return;
	part->compared = true;
	atomic_fetch_add(&t->compared, 1);
}

/* Forgets all that was heard of the partition. The commits among it that exist
 * are below `applied`: Postgres had them before they were announced, and it was
 * asked after they were heard. (If a failover lost them, they do not exist
 * until they are applied again.) */
static void restart(struct tail *t, int32_t partition, version_t applied)
{
	struct tail_partition *part = &t->parts[partition];
	discard(t, partition, applied);
	part->follower = (struct follower){0};
	part->stopped = false;
	part->restarts = false;
	commits_reader_search(&part->reader, SCAN_BACK_FIRST);
	tail_assign_after(t, AGAIN);
}

void tail_heads(struct tail *t, const struct writes_head_answer *answer)
{
	metric_add(&t->o.metrics->heads, answer != NULL);
	for (int32_t p = 0; p < t->o.partitions; p++) {
		struct tail_partition *part = &t->parts[p];
		version_t head = answer ? answer->heads[p] : VERSION_MAX;
		atomic_store(&part->head, head);
		if (answer == NULL)
			continue;
		bool ahead =
		    writes_bound_answered(&part->bound, head, clock_mono());
		tail_compare(t, part, head);
		if (part->restarts)
			restart(t, p, answer->applied[p]);
		else if (ahead && !part->reader.moving)
			tail_stop(t, p);
	}
}

static version_t head_of(const struct tail *t, int32_t partition)
{
	return atomic_load((_Atomic version_t *)&t->parts[partition].head);
}

bool tail_believes(const struct tail *t, int32_t partition, version_t through)
{
	return writes_bound_near(head_of(t, partition), through);
}

bool tail_believes_redis(
    const struct tail *t, int32_t partition, version_t watermark)
{
	const struct tail_partition *part = &t->parts[partition];
	version_t head = head_of(t, partition);
	version_t undone = atomic_load((_Atomic version_t *)&part->undone);
	if (undone > 0 && watermark <= undone)
		return false;
	return watermark <= head || (tail_forged(t, partition) <= head &&
					writes_bound_near(head, watermark));
}

version_t tail_forged(const struct tail *t, int32_t partition)
{
	return atomic_load((_Atomic version_t *)&t->parts[partition].forged);
}

/* --- the consumer -------------------------------------------------------- */

static void tail_on_message(void *arg, rd_kafka_message_t *m)
{
	struct tail *t = arg;
	struct tail_partition *part = &t->parts[m->partition];
	if (commits_reader_takes(&part->reader, m->offset))
		tail_hear(t, m);
	rd_kafka_message_destroy(m);
}

static void tail_on_eof(void *arg, int32_t partition, int64_t end)
{
	struct tail *t = arg;
	struct tail_partition *part = &t->parts[partition];
	if (part->follower.started || part->reader.moving ||
	    atomic_load(&part->newer) > 0)
		return;
	if (commits_reader_retry(&part->reader, end)) {
		tail_assign_after(t, AGAIN);
		return;
	}
	/* The whole partition was read and has no mark. So nothing was ever
	 * announced, and no value can be older than a commit. */
	follower_mark(&part->follower, 0, 0, -1);
	start_partition(t, partition, false);
	tail_move(t, partition, -1);
}

/* If the offset of a partition is not in the log (any more), the partition
 * starts anew. */
static void tail_on_fault(void *arg, int32_t partition, struct err e)
{
	struct tail *t = arg;
	struct tail_partition *part = &t->parts[partition];
	if (part->reader.moving)
		return;
	if (consumer_is_gone(&e)) {
		follower_reset(&part->follower);
		commits_reader_lost(&part->reader);
	}
	tail_assign_after(t, AGAIN_AFTER_FAULT);
}

static void tail_on_reachable(void *arg, bool yes)
{
	struct tail *t = arg;
	atomic_store(&t->up, yes);
	metric_set(&t->o.metrics->tail_up, yes);
}

struct err tail_new(const struct tail_options *o, struct tail **out)
{
	static const struct consumer_events events = {
	    .message = tail_on_message,
	    .eof = tail_on_eof,
	    .fault = tail_on_fault,
	    .reachable = tail_on_reachable,
	};
	size_t n = (size_t)o->partitions;
	struct tail *t =
	    mem_zalloc(sizeof *t + n * sizeof(struct tail_partition));
	random_init(&t->jitter, random_bits());
	t->o = *o;
	atomic_store(&t->closed, o->partitions);
	for (size_t p = 0; p < n; p++)
		commits_reader_search(&t->parts[p].reader, SCAN_BACK_FIRST);
	tail_heads(t, NULL);
	const struct consumer_options c = {
	    .loop = o->loop,
	    .kafka = o->kafka,
	    .topic = o->topic,
	    .partitions = (size_t)o->partitions,
	    .events = &events,
	    .arg = t,
	};
	*out = NULL;
	struct err e = consumer_new(&c, &t->consumer);
	if (e.kind != ERR_KIND_OK) {
		free(t);
		return e;
	}
	t->again = loop_timer_new(o->loop, on_again, t);
	*out = t;
	tail_assign(t);
	return ERR_OK;
}

version_t tail_through(const struct tail *t, int32_t partition)
{
	return atomic_load((_Atomic version_t *)&t->parts[partition].through);
}

/* The offset is loaded first. If it is older than the watermark, a consumer
 * only reads records again that it ignores. */
struct change_place tail_place(const struct tail *t, int32_t partition)
{
	struct tail_partition *part =
	    (struct tail_partition *)&t->parts[partition];
	struct change_place place = {.offset = atomic_load_explicit(
					 &part->behind, memory_order_acquire)};
	place.watermark = tail_through(t, partition);
	return place;
}

bool tail_up(const struct tail *t)
{
	return atomic_load((atomic_bool *)&t->up);
}

bool tail_started(const struct tail *t)
{
	return atomic_load((atomic_int *)&t->closed) == 0;
}

int32_t tail_newer(const struct tail *t)
{
	int32_t p = 0;
	while (p < t->o.partitions &&
	       atomic_load((_Atomic int64_t *)&t->parts[p].newer) == 0)
		p++;
	return p < t->o.partitions ? p : -1;
}

bool tail_compared(const struct tail *t)
{
	return atomic_load((atomic_int *)&t->compared) == t->o.partitions;
}

int64_t tail_rejected(const struct tail *t)
{
	return atomic_load((_Atomic int64_t *)&t->rejected);
}

void tail_free(struct tail **tp)
{
	struct tail *t = *tp;
	if (t == NULL)
		return;
	consumer_free(&t->consumer);
	loop_timer_free(&t->again);
	free(t);
	*tp = NULL;
}
