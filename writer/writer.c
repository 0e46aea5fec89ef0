/* Connects the modules.
 *
 *   group ─gained─► takeover ─taken─► partitions ◄─message─ consumer
 *     └────lost──►  (it is gone)         │ ▲
 *                               retake │ │ └─announced─ announcer
 *                                      ▼ └─ready─► scheduler ─► batches
 *                                   takeover
 *
 * The group says which partitions this writer should own; the fence decides
 * whether it does. So those that it keeps go on while the group is rearranged.
 * One that is fenced meanwhile may be another writer's: it is taken again only
 * when the group has settled, and has not given it away.
 */
#include "writer/writer.h"

#include "writer/batch/partition.h"
#include "writer/batch/scheduler.h"
#include "writer/batch/watermark_check.h"
#include "writer/commands/drain_log.h"
#include "writer/commits/announce.h"
#include "writer/core/context.h"
#include "writer/core/statements.h"
#include "writer/decide/fingerprints.h"
#include "writer/decide/judges.h"
#include "writer/expiry/expiry.h"
#include "writer/outbox/outbox.h"
#include "writer/rejections/orders.h"
#include "writer/rejections/prune.h"
#include "writer/report.h"
#include "writer/startup/preflight.h"
#include "writer/startup/topic_checks.h"
#include "writer/takeover/takeover.h"

#include "common/base/check.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/daemon/admin.h"
#include "common/daemon/daemon.h"
#include "common/daemon/reload_settings.h"
#include "common/kafka/consumer.h"
#include "common/kafka/member.h"
#include "common/kafka/membership.h"
#include "common/postgres/pg_binary.h"
#include "common/postgres/pg_pool.h"
#include "common/schema/collection.h"
#include "common/sql/sql.h"

#include <stdlib.h>

/* How long a drain waits for reports; the next owner announces the rest. */
#define REPORTS_WAIT CLOCK_S(5)
#define TICK CLOCK_S(1)

struct writer {
	struct context x;
	struct preflight *start;  /* until it said yes */
	struct metrics_each each; /* of the collections, for /metrics */
	const void *collections;
	struct buf instance; /* its name in the group */
	struct membership *membership;
	struct consumer *consumer;
	struct takeover *takeover;
	struct partition **parts; /* by number; NULL: not ours */
	struct scheduler *scheduler;
	bool member;	/* the group has assigned partitions */
	bool unsettled; /* it is being rearranged */
	bool draining;
	mono_us_t give_up; /* on reports, while draining */
	struct loop_timer *tick;
	struct prune *prune;		 /* NULL: not started */
	struct expiry *expiry;		 /* likewise, or there is nothing */
	struct watermark_check *recheck; /* likewise */
	struct drain_log *emptying;	 /* NULL: it serves on */
	struct outbox *outbox;		 /* likewise */
	struct rejections *rejections;
	struct control control;
	struct report report;
	struct reload *reload;
	struct reload_settings *reload_settings;
	int64_t decided; /* writes, at the last tick */
	struct admin *admin;
	struct daemon_signals *signals;
	int exit_code;
};

static size_t writer_count(const struct writer *w)
{
	return (size_t)w->x.settings->common.partitions;
}

static void each(struct writer *w, void (*fn)(struct partition *p))
{
	for (size_t i = 0; i < writer_count(w); i++) {
		if (w->parts[i])
			fn(w->parts[i]);
	}
}

/* --- partitions ---------------------------------------------------------- */

static void writer_drop_partitions(struct writer *w)
{
	takeover_stop(w->takeover);
	for (size_t i = 0; i < writer_count(w); i++)
		partition_free(&w->parts[i]);
}

static void take_waiting(struct writer *w)
{
	if (takeover_running(w->takeover) || w->draining || w->unsettled)
		return;
	int32_t *list = mem_alloc(writer_count(w) * sizeof *list);
	size_t n = 0;
	for (size_t i = 0; i < writer_count(w); i++) {
		struct partition *p = w->parts[i];
		if (p && partition_state(p) == PARTITION_TAKING)
			list[n++] = partition_number(p);
	}
	if (n)
		takeover_start(w->takeover, list, n);
	free(list);
}

static void on_retake(void *arg, struct partition *p)
{
	(void)p;
	take_waiting(arg);
}

/* Its messages come from there on, and none from before. */
static void fetch(struct writer *w, const struct partition *p)
{
	if (partition_state(p) == PARTITION_FILLING)
		consumer_add(
		    w->consumer, &(struct consumer_start){partition_number(p),
				     partition_next_offset(p)});
	else /* it must be taken once more */
		consumer_remove(w->consumer, partition_number(p));
}

static void on_taken(void *arg, struct taken *taken, size_t n)
{
	struct writer *w = arg;
	for (size_t i = 0; i < n; i++) {
		struct partition *p = w->parts[taken[i].partition];
		CHECK(p != NULL);
		partition_start(p, w->consumer, &taken[i]);
		fetch(w, p);
	}
	take_waiting(w);
}

static void writer_check_drained(struct writer *w)
{
	if (!w->draining)
		return;
	for (size_t i = 0; i < writer_count(w); i++) {
		if (w->parts[i] && partition_busy(w->parts[i]))
			return;
	}
	if (announcer_outstanding(w->x.announcer) > 0 &&
	    clock_mono() < w->give_up)
		return;
	loop_stop(w->x.loop);
}

static void on_settled(void *arg)
{
	writer_check_drained(arg);
}

static void on_ready(void *arg)
{
	scheduler_kick(((struct writer *)arg)->scheduler);
}

static void on_announced(
    void *arg, int32_t partition, uint64_t owner, bool delivered)
{
	struct writer *w = arg;
	if (w->parts[partition])
		partition_announced(w->parts[partition], owner, delivered);
	writer_check_drained(w);
}

/* --- the group ----------------------------------------------------------- */

static void end_for(struct writer *w, enum event why, const struct err *e)
{
	log_event(why, "code=%s error=%s", e->code, log_quote(e->msg));
	w->exit_code = EXIT_FAILURE;
	daemon_ends_within(w->x.settings->common.drain_timeout);
	loop_stop(w->x.loop);
}

static void writer_on_fatal(void *arg, const struct err *e)
{
	end_for(arg, EV_WRITER_FATAL, e);
}

/* The topic has grown: no writer applies the additional partitions. */
static void grown(struct writer *w, int32_t partition)
{
	const struct common_settings *s = &w->x.settings->common;
	struct err e = topic_checks_topic(
	    s->writes_topic, partition + 1, (int)s->partitions);
	if (w->x.emptying)
		log_event(EV_PARTITION_FOREIGN, "partition=%d", partition);
	else
		writer_on_fatal(w, &e);
}

/* If it waits for the takeover, that begins again without it, at `settled`. */
static void writer_on_lost(void *arg, int32_t partition)
{
	struct writer *w = arg;
	if ((size_t)partition >= writer_count(w) || !w->parts[partition])
		return;
	if (partition_state(w->parts[partition]) == PARTITION_TAKING)
		takeover_stop(w->takeover);
	partition_free(&w->parts[partition]);
	consumer_remove(w->consumer, partition);
}

static void writer_on_gained(void *arg, int32_t partition)
{
	struct writer *w = arg;
	const struct partition_options o = {
	    .x = &w->x,
	    .number = partition,
	    .retake = on_retake,
	    .ready = on_ready,
	    .arg = w,
	};
	if ((size_t)partition < writer_count(w))
		w->parts[partition] = partition_new(&o);
	else
		grown(w, partition);
}

static void writer_on_settled(void *arg)
{
	struct writer *w = arg;
	w->member = true;
	w->unsettled = false;
	take_waiting(w);
	writer_check_drained(w);
}

static void writer_on_unsettled(void *arg)
{
	((struct writer *)arg)->unsettled = true;
}

static void writer_on_message(void *arg, rd_kafka_message_t *m)
{
	struct writer *w = arg;
	bool ours = m->partition >= 0 &&
		    (size_t)m->partition < writer_count(w) &&
		    w->parts[m->partition];
	if (ours)
		partition_message(w->parts[m->partition], m);
	else
		rd_kafka_message_destroy(m);
}

static void writer_on_fault(void *arg, int32_t partition, struct err e)
{
	struct writer *w = arg;
	(void)e; /* the consumer logged it */
	if ((size_t)partition < writer_count(w) && w->parts[partition])
		partition_fault(w->parts[partition]);
}

static struct err writer_open_log(struct writer *w)
{
	static const struct consumer_events events = {
	    .message = writer_on_message, .fault = writer_on_fault};
	const struct consumer_options o = {
	    .loop = w->x.loop,
	    .kafka = &w->x.kafka,
	    .topic = w->x.settings->common.writes_topic,
	    .split = true,
	    .partitions = writer_count(w),
	    .events = &events,
	    .arg = w,
	};
	return consumer_new(&o, &w->consumer);
}

static struct err writer_join(struct writer *w)
{
	static const struct membership_events events = {.lost = writer_on_lost,
	    .gained = writer_on_gained,
	    .settled = writer_on_settled,
	    .unsettled = writer_on_unsettled,
	    .fatal = writer_on_fatal};
	const struct membership_options o = {
	    .loop = w->x.loop,
	    .kafka = &w->x.kafka,
	    .topic = w->x.settings->common.writes_topic,
	    .group = w->x.settings->group,
	    .instance = w->instance.data,
	    .session = w->x.settings->group_session,
	    .rejoins = &w->x.stats.rejoins,
	    .events = &events,
	    .arg = w,
	};
	struct err e = writer_open_log(w);
	return e.kind == ERR_KIND_OK ? membership_new(&o, &w->membership) : e;
}

/* --- start, ticks, drain ------------------------------------------------- */

static void writer_on_drain(void *arg)
{
	struct writer *w = arg;
	w->draining = true;
	w->give_up = clock_mono() + REPORTS_WAIT;
	preflight_free(&w->start);
	takeover_stop(w->takeover);
	each(w, partition_drain);
	scheduler_drain(w->scheduler);
	writer_check_drained(w);
}

static void on_start(void *arg, const struct err *e)
{
	struct writer *w = arg;
	if (e->kind != ERR_KIND_OK) {
		end_for(w, EV_START_REFUSED, e);
		return;
	}
	w->prune = prune_new(&w->x, w->parts, writer_count(w));
	if (!w->x.emptying)
		w->expiry = expiry_new(&w->x, w->parts, writer_count(w));
	w->recheck = watermark_check_new(&w->x, w->parts, writer_count(w));
	if (!w->x.emptying)
		w->outbox = outbox_new(&w->x);
	if (w->x.emptying)
		w->emptying = drain_log_new(
		    &w->x, w->parts, &w->member, writer_on_drain, w);
	struct err joined = writer_join(w);
	if (joined.kind != ERR_KIND_OK)
		end_for(w, EV_START_REFUSED, &joined);
}

static void on_pool_state(void *arg, bool ready)
{
	struct writer *w = arg;
	if (!ready)
		return;
	scheduler_hurry(w->scheduler);
	watermark_check_soon(w->recheck);
}

/* A statement that waits for a lock fails after this time, so that the writer
 * can report it, and is sent again. Another session may hold a table or the row
 * of a partition. */
#define SESSION SQL_SESSION "; SET lock_timeout = '5s'"

static struct pg_pool *open_pool(struct writer *w)
{
	const struct writer_settings *s = w->x.settings;
	size_t n = (size_t)s->connections;
	const struct pg_pool_options o = {
	    .min = n,
	    .max = n,
	    .connection =
		{
		    .loop = w->x.loop,
		    .name = "primary",
		    .url = s->common.primary_url,
		    .session = "read-write",
		    .setup = SESSION,
		    .connect_timeout = CLOCK_S(5),
		    .query_timeout = CLOCK_S(60),
		    .state = on_pool_state,
		    .arg = w,
		},
	};
	return pg_pool_new(&o);
}

static void writer_on_resumed(void *arg)
{
	on_ready(arg);
}

static void writer_on_ordered(void *arg)
{
	watermark_check_soon(((struct writer *)arg)->recheck);
}

static int64_t end_of(void *arg, int32_t partition)
{
	const struct writer *w = arg;
	bool ours = (size_t)partition < writer_count(w) && w->parts[partition];
	if (!ours)
		return -1;
	int64_t end = consumer_end(w->consumer, partition);
	return end < 0 ? INT64_MAX : end; /* Kafka did not report it yet */
}

static void writer_on_tick(void *arg)
{
	struct writer *w = arg;
	w->decided = stats_measure(&w->x.stats, w->decided);
	loop_timer_start(w->tick, TICK);
	writer_check_drained(w);
}

/* --- life ---------------------------------------------------------------- */

static struct err open_kafka(struct writer *w)
{
	const struct common_settings *s = &w->x.settings->common;
	const struct announcer_options o = {
	    .loop = w->x.loop,
	    .kafka = &w->x.kafka,
	    .topic = s->commits_topic,
	    .partitions = (int32_t)s->partitions,
	    .seconds = &w->x.stats.announce_seconds,
	    .done = on_announced,
	    .arg = w,
	};
	struct err e = announcer_new(&o, &w->x.announcer);
	if (e.kind == ERR_KIND_OK)
		e = takeover_new(&w->x, on_taken, w, &w->takeover);
	return e;
}

static const char *collection_name(size_t i)
{
	const struct collection *c = collection_at(i);
	return c ? c->name : NULL;
}

/* Until the primary says that they are migrated, their writes are held. */
static void on_new_collections(void *arg)
{
	struct writer *w = arg;
	statements_add(w->x.statements);
	judges_expect(w->x.judges);
	bool started = w->prune != NULL;
	if (started && w->expiry == NULL && !w->x.emptying)
		w->expiry = expiry_new(&w->x, w->parts, writer_count(w));
	watermark_check_soon(w->recheck);
}

static void writer_make_collection_stats(struct writer *w)
{
	w->x.collections =
	    mem_zalloc(COLLECTIONS_MAX * sizeof *w->x.collections);
	w->collections = w->x.collections;
	w->each = (struct metrics_each){
	    .rows = collection_stats_rows,
	    .nrows = collection_stats_nrows,
	    .instances = &w->collections,
	    .n = 1,
	    .size = sizeof *w->x.collections,
	    .name = collection_name,
	};
}

struct err writer_new(const struct config *config,
    const struct writer_settings *s, bool emptying, struct writer **out)
{
	struct writer *w = MEM_NEW(struct writer);
	*out = w;
	w->x.settings = s;
	w->x.loop = loop_new();
	w->x.fatal = writer_on_fatal;
	w->x.fatal_arg = w;
	w->x.emptying = emptying;
	w->x.kafka = config_kafka(config);
	w->x.statements = statements_new();
	w->x.tracer = daemon_tracer(&s->common, TRACER_COUNTERS(&w->x.stats));
	member_name_here(&w->instance, s->group_instance, s->admin_listen);
	w->parts = mem_zalloc(writer_count(w) * sizeof *w->parts);
	w->scheduler =
	    scheduler_new(&w->x, w->parts, writer_count(w), on_settled, w);
	w->tick = loop_timer_new(w->x.loop, writer_on_tick, w);
	w->rejections = rejections_new(&w->x);
	w->x.orders = orders_new(&w->x);
	w->x.judges = judges_new();
	w->x.ordered = writer_on_ordered;
	w->x.ordered_arg = w;
	w->reload = reload_new(RELOAD_COUNTERS(&w->x.stats));
	w->reload_settings = reload_settings_new(w->reload, config,
	    &(struct reload_collections){
		.taken = on_new_collections, .arg = w});
	w->control = (struct control){
	    &w->x, w->rejections, writer_on_resumed, end_of, w};
	writer_make_collection_stats(w);
	w->report = (struct report){&w->x, w->parts, writer_count(w), &w->start,
	    &w->takeover, &w->consumer, &w->membership, &w->member,
	    &w->draining, &w->control, &w->x.stats, w->reload, &w->each};
	struct err e = report_open(&w->report, config, &w->admin);
	if (e.kind == ERR_KIND_OK)
		e = open_kafka(w);
	if (e.kind != ERR_KIND_OK)
		return e;
	w->x.pool = open_pool(w);
	w->start = preflight_new(&w->x, on_start, w);
	w->signals = daemon_signals_new(
	    w->x.loop, &(struct daemon_end){.drain = writer_on_drain,
			   .arg = w,
			   .timeout = s->common.drain_timeout,
			   .reload = w->reload});
	loop_timer_start(w->tick, TICK);
	return ERR_OK;
}

int writer_run(struct writer *w)
{
	loop_run(w->x.loop);
	return w->exit_code;
}

/* Transactions that are under way hold messages of the consumer. So the pool is
 * freed before the consumer. */
void writer_free(struct writer **wp)
{
	struct writer *w = *wp;
	if (w == NULL)
		return;
	preflight_free(&w->start);
	outbox_free(&w->outbox);
	prune_free(&w->prune);
	expiry_free(&w->expiry);
	watermark_check_free(&w->recheck);
	drain_log_free(&w->emptying);
	if (w->takeover)
		writer_drop_partitions(w);
	rejections_close(w->rejections);
	pg_pool_free(&w->x.pool);
	scheduler_free(&w->scheduler);
	takeover_free(&w->takeover);
	membership_free(&w->membership);
	consumer_free(&w->consumer);
	announcer_free(&w->x.announcer, 0);
	tracer_free(&w->x.tracer);
	admin_free(&w->admin);
	daemon_signals_free(&w->signals);
	reload_settings_free(&w->reload_settings);
	reload_free(&w->reload);
	loop_timer_free(&w->tick);
	rejections_free(&w->rejections);
	orders_free(&w->x.orders);
	statements_free(&w->x.statements);
	fingerprints_free(&w->x.shapes);
	judges_free(&w->x.judges);
	loop_free(&w->x.loop);
	free(w->x.collections);
	buf_free(&w->instance);
	free(w->parts);
	free(w);
	*wp = NULL;
}
