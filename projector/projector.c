/* Wiring: who tells whom.
 *
 *   group ─assigned─► resume: the watermarks of all lanes are read from Redis,
 *     │                  then all of them are assigned at once
 *     └──message──► lane ─script─► Redis ─answer─► lane
 *
 * A resume is begun again, from its beginning, by whatever calls for one while
 * it runs: answers carry its number, and those of an older one are ignored.
 */
#include "projector/projector.h"

#include "projector/lane.h"

#include "common/admin.h"
#include "common/backoff.h"
#include "common/check.h"
#include "common/consumer.h"
#include "common/daemon.h"
#include "common/l2.h"
#include "common/log.h"
#include "common/mem.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define TICK CLOCK_S(1)
enum { MAX_PENDING = 4096 };

struct projector {
	struct lane_context x;
	const struct config *config;
	struct kafka_config kafka;
	struct lane **lanes; /* by partition; NULL: not ours */
	bool member;
	bool draining;
	unsigned resume; /* number of the present one */
	size_t unanswered;
	bool resuming;
	struct loop_timer *timer; /* begins a resume */
	struct backoff backoff;
	struct loop_timer *tick;
	const void *instance; /* of the metrics */
	struct admin *admin;
	struct daemon_signals *signals;
};

/* One lane's question for its watermark. */
struct question {
	struct projector *p;
	unsigned resume;
	int32_t partition;
};

static size_t count(const struct projector *p)
{
	return (size_t)p->x.settings->common.partitions;
}

/* --- resuming ------------------------------------------------------------ */

static uint64_t random_bits(void)
{
	return ((uint64_t)(uint32_t)random() << 32) | (uint32_t)random();
}

static void assign(struct projector *p)
{
	struct consumer_start *starts = mem_alloc(count(p) * sizeof *starts);
	size_t n = 0;
	for (size_t i = 0; i < count(p); i++) {
		if (p->lanes[i])
			starts[n++] = (struct consumer_start){
			    (int32_t)i, lane_offset(p->lanes[i])};
	}
	consumer_assign(p->x.consumer, starts, n);
	for (size_t i = 0; i < count(p); i++) {
		if (p->lanes[i])
			lane_assigned(p->lanes[i]);
	}
	free(starts);
}

static void resume_later(struct projector *p)
{
	p->resume++; /* what is still to be answered does not count */
	p->resuming = true;
	loop_timer_start(p->timer, backoff_next(&p->backoff, random_bits()));
}

static void on_watermark(void *arg, const redisReply *reply)
{
	struct question q = *(struct question *)arg;
	struct projector *p = q.p;
	free(arg);
	if (q.resume != p->resume || p->draining)
		return;
	if (reply == NULL || reply->type != REDIS_REPLY_ARRAY ||
	    reply->elements != 2) {
		resume_later(p);
		return;
	}
	lane_resume(
	    p->lanes[q.partition], reply->element[0], reply->element[1]);
	if (--p->unanswered > 0)
		return;
	p->resuming = false;
	backoff_reset(&p->backoff);
	assign(p);
}

static bool ask_watermark(struct projector *p, int32_t partition)
{
	struct buf watermark = {0}, cursor = {0};
	l2_watermark_key(&watermark, partition);
	l2_cursor_key(&cursor, partition);
	const char *argv[] = {"MGET", watermark.data, cursor.data};
	const size_t lens[] = {4, watermark.len, cursor.len};
	struct question *q = MEM_NEW(struct question);
	*q = (struct question){p, p->resume, partition};
	bool sent = redis_submit(p->x.redis, 3, argv, lens, on_watermark, q);
	if (!sent)
		free(q);
	buf_free(&watermark);
	buf_free(&cursor);
	return sent;
}

static void hold_all(struct projector *p)
{
	for (size_t i = 0; i < count(p); i++) {
		if (p->lanes[i])
			lane_hold(p->lanes[i]);
	}
}

static void on_resume_timer(void *arg)
{
	struct projector *p = arg;
	hold_all(p);
	p->resume++;
	p->unanswered = 0;
	metric_add(&p->x.stats.resumes, 1);
	for (size_t i = 0; i < count(p); i++) {
		if (p->lanes[i] == NULL)
			continue;
		if (!ask_watermark(p, (int32_t)i)) {
			resume_later(p);
			return;
		}
		p->unanswered++;
	}
	p->resuming = p->unanswered > 0;
}

/* From the loop, so that it may be called from anywhere, many times. */
static void resume(void *arg)
{
	struct projector *p = arg;
	if (p->draining || (p->resuming && loop_timer_armed(p->timer)))
		return;
	hold_all(p);
	p->resume++;
	p->resuming = true;
	loop_timer_start(p->timer, 0);
}

static void on_redis(void *arg, bool ready)
{
	struct projector *p = arg;
	if (!ready)
		return;
	if (p->resuming)
		loop_timer_start(p->timer, 0);
	for (size_t i = 0; i < count(p); i++) {
		if (p->lanes[i])
			lane_hurry(p->lanes[i]);
	}
}

/* --- the group ----------------------------------------------------------- */

static void drop_lanes(struct projector *p)
{
	loop_timer_stop(p->timer);
	p->resume++;
	p->resuming = false;
	for (size_t i = 0; i < count(p); i++)
		lane_free(&p->lanes[i]);
}

static void on_assigned(void *arg, const int32_t *partitions, size_t n)
{
	struct projector *p = arg;
	drop_lanes(p);
	p->member = true;
	for (size_t i = 0; i < n; i++) {
		if ((size_t)partitions[i] >= count(p)) {
			log_event(EV_PARTITION_FOREIGN, "partition=%d",
			    partitions[i]);
			continue;
		}
		p->lanes[partitions[i]] = lane_new(&p->x, partitions[i]);
	}
	if (n > 0)
		resume(p);
}

static void on_revoked(void *arg)
{
	drop_lanes(arg);
}

static struct lane *lane_of(const struct projector *p, int32_t partition)
{
	bool known = partition >= 0 && (size_t)partition < count(p);
	return known ? p->lanes[partition] : NULL;
}

static void on_message(void *arg, rd_kafka_message_t *m)
{
	struct lane *l = lane_of(arg, m->partition);
	if (l)
		lane_message(l, m);
	else
		rd_kafka_message_destroy(m);
}

static void on_eof(void *arg, int32_t partition)
{
	struct lane *l = lane_of(arg, partition);
	if (l)
		lane_eof(l);
}

static void on_fault(void *arg, int32_t partition, struct err e)
{
	struct lane *l = lane_of(arg, partition);
	if (l)
		lane_fault(l, &e);
}

static struct err join(struct projector *p)
{
	static const struct consumer_events events = {
	    .assigned = on_assigned,
	    .revoked = on_revoked,
	    .message = on_message,
	    .eof = on_eof,
	    .fault = on_fault,
	};
	const struct consumer_options o = {
	    .loop = p->x.loop,
	    .kafka = &p->kafka,
	    .topic = p->x.settings->common.commits_topic,
	    .group = p->x.settings->group,
	    .events = &events,
	    .arg = p,
	};
	return consumer_new(&o, &p->x.consumer);
}

/* --- drain, ticks -------------------------------------------------------- */

static void commit_all(struct projector *p)
{
	for (size_t i = 0; i < count(p); i++) {
		if (p->lanes[i])
			lane_commit(p->lanes[i]);
	}
}

static void check_drained(void *arg)
{
	struct projector *p = arg;
	if (!p->draining)
		return;
	for (size_t i = 0; i < count(p); i++) {
		if (p->lanes[i] && lane_state(p->lanes[i]) == LANE_APPLYING)
			return;
	}
	commit_all(p);
	loop_stop(p->x.loop);
}

static void on_drain(void *arg)
{
	struct projector *p = arg;
	p->draining = true;
	loop_timer_stop(p->timer);
	for (size_t i = 0; i < count(p); i++) {
		if (p->lanes[i])
			lane_drain(p->lanes[i]);
	}
	check_drained(p);
}

static void on_tick(void *arg)
{
	struct projector *p = arg;
	commit_all(p);
	loop_timer_start(p->tick, TICK);
}

static void on_reassign(void *arg)
{
	struct projector *p = arg;
	/* While a resume is under way it assigns all of them at its end. */
	if (!p->resuming && !p->draining)
		assign(p);
}

/* --- admin --------------------------------------------------------------- */

static bool on_ready(void *arg, struct buf *out)
{
	struct projector *p = arg;
	if (p->draining)
		buf_str(out, "draining: a signal came\n");
	if (!redis_ready(p->x.redis))
		buf_str(out, "redis: not connected\n");
	if (!p->member)
		buf_str(out, "group: no assignment yet\n");
	else if (!consumer_reachable(p->x.consumer))
		buf_str(out, "kafka: a partition's leader does not answer\n");
	for (size_t i = 0; i < count(p); i++) {
		const struct lane *l = p->lanes[i];
		if (l && (!lane_initialised(l) || lane_state(l) == LANE_HELD ||
			     lane_state(l) == LANE_RETRYING))
			buf_printf(out, "partition %zu: %s%s\n", i,
			    lane_state_name(lane_state(l)),
			    lane_initialised(l) ? "" : ", not initialised");
	}
	return out->len == 0;
}

static void on_refresh(void *arg)
{
	struct projector *p = arg;
	struct stats *s = &p->x.stats;
	size_t owned = 0, initialised = 0, waiting = 0;
	for (size_t i = 0; i < count(p); i++) {
		if (p->lanes[i] == NULL)
			continue;
		owned++;
		initialised += lane_initialised(p->lanes[i]);
		waiting += lane_waiting(p->lanes[i]);
	}
	metric_set(&s->partitions, (int64_t)owned);
	metric_set(&s->initialised, (int64_t)initialised);
	metric_set(&s->waiting, (int64_t)waiting);
	metric_set(&s->redis_ready, redis_ready(p->x.redis));
}

static void on_stats(void *arg, struct buf *out)
{
	struct projector *p = arg;
	const char *comma = "";
	buf_str(out, "{\"partitions\":[");
	for (size_t i = 0; i < count(p); i++) {
		const struct lane *l = p->lanes[i];
		if (l == NULL)
			continue;
		buf_printf(out,
		    "%s{\"partition\":%zu,\"state\":\"%s\",\"initialised\":%s,"
		    "\"watermark\":\"%" PRIu64 "\",\"waiting\":%zu}",
		    comma, i, lane_state_name(lane_state(l)),
		    lane_initialised(l) ? "true" : "false", lane_watermark(l),
		    lane_waiting(l));
		comma = ",";
	}
	buf_str(out, "]}");
}

static struct err open_admin(struct projector *p)
{
	p->instance = &p->x.stats;
	const struct admin_options o = {
	    .loop = p->x.loop,
	    .address = p->x.settings->admin_listen,
	    .config = p->config,
	    .rows = stats_rows,
	    .nrows = stats_nrows,
	    .instances = &p->instance,
	    .ninstances = 1,
	    .ready = on_ready,
	    .refresh = on_refresh,
	    .stats = on_stats,
	    .arg = p,
	};
	struct err e = admin_new(&o, &p->admin);
	if (e.verdict == VERDICT_OK)
		log_event(EV_LISTEN, "for=admin port=%d", admin_port(p->admin));
	return e;
}

/* --- life ---------------------------------------------------------------- */

static struct err open_redis(struct projector *p)
{
	const struct projector_settings *s = p->x.settings;
	struct err e = redis_check_url(s->common.redis_url);
	if (e.verdict != VERDICT_OK)
		return e;
	const struct redis_options o = {
	    .loop = p->x.loop,
	    .url = s->common.redis_url,
	    .scripts = l2_scripts,
	    .nscripts = L2_SCRIPTS,
	    .timeout = s->redis_timeout,
	    .max_pending = MAX_PENDING,
	    .state = on_redis,
	    .arg = p,
	};
	p->x.redis = redis_new(&o);
	return ERR_OK;
}

struct err projector_new(const struct config *config,
    const struct projector_settings *s, struct projector **out)
{
	struct projector *p = MEM_NEW(struct projector);
	*out = p;
	p->config = config;
	p->kafka = kafka_config(config, &s->common);
	p->x.settings = s;
	p->x.loop = loop_new();
	p->x.resume = resume;
	p->x.reassign = on_reassign;
	p->x.settled = check_drained;
	p->x.arg = p;
	p->lanes = mem_zalloc(count(p) * sizeof *p->lanes);
	p->timer = loop_timer_new(p->x.loop, on_resume_timer, p);
	p->tick = loop_timer_new(p->x.loop, on_tick, p);
	backoff_init(&p->backoff, CLOCK_MS(50), CLOCK_S(2));
	struct err e = open_admin(p);
	if (e.verdict == VERDICT_OK)
		e = open_redis(p);
	if (e.verdict == VERDICT_OK)
		e = join(p);
	if (e.verdict != VERDICT_OK)
		return e;
	p->signals =
	    daemon_signals_new(p->x.loop, s->common.drain_timeout, on_drain, p);
	loop_timer_start(p->tick, TICK);
	return ERR_OK;
}

int projector_run(struct projector *p)
{
	loop_run(p->x.loop);
	return EXIT_SUCCESS;
}

void projector_free(struct projector **pp)
{
	struct projector *p = *pp;
	if (p == NULL)
		return;
	p->draining = true;
	drop_lanes(p); /* and their messages, before the consumer */
	consumer_free(&p->x.consumer);
	redis_free(&p->x.redis);
	admin_free(&p->admin);
	daemon_signals_free(&p->signals);
	loop_timer_free(&p->timer);
	loop_timer_free(&p->tick);
	loop_free(&p->x.loop);
	free(p->lanes);
	free(p);
	*pp = NULL;
}
