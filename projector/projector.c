/* Connects the modules.
 *
 *   group ─gained─► resume        reads the watermarks of the new partitions
 *                                 from Redis, then fetches them from there
 *   consumer ─message─► partition ─script─► Redis ─answer─► partition
 *
 * The group says which partitions this projector should have; the watermark in
 * Redis decides whose script counts. So those that it keeps go on while the
 * group is rearranged. One whose script is refused meanwhile may be another
 * projector's: it resumes only when the group has settled, and has not given it
 * away.
 */
#include "projector/projector.h"

#include "projector/apply/partition.h"
#include "projector/apply/resume.h"
#include "projector/audit/audit.h"
#include "projector/report.h"

#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/cache/l2.h"
#include "common/daemon/admin.h"
#include "common/daemon/daemon.h"
#include "common/daemon/reload_settings.h"
#include "common/kafka/consumer.h"
#include "common/kafka/member.h"
#include "common/kafka/membership.h"
#include "common/kafka/writes_query.h"
#include "common/sql/writes_head.h"

#include <stdlib.h>

#define TICK CLOCK_S(1)
/* A partition that must begin at another offset waits this long, because it may
 * be sent elsewhere again and again: its log may have no such offset. */
#define REASSIGN CLOCK_MS(100)
enum { MAX_PENDING = 4096 };

struct projector {
	struct partition_context x;
	struct kafka_config kafka;
	struct buf instance;	  /* its name in the group */
	struct partition **parts; /* by partition; NULL: not ours */
	struct membership *membership;
	bool member;	/* the group has assigned partitions */
	bool unsettled; /* it is being rearranged */
	bool draining;
	struct resume *resume;
	struct loop_timer *tick;
	struct loop_timer *reassign;
	struct writes_query *writes_query;
	struct pg *primary; /* for the writes_head */
	struct writes_head *writes_head;
	struct report report;
	struct reload *reload;
	struct reload_settings *reload_settings;
	struct admin *admin;
	struct daemon_signals *signals;
	int exit_code;
};

static size_t projector_count(const struct projector *p)
{
	return (size_t)p->x.settings->common.partitions;
}

/* --- resuming ------------------------------------------------------------ */

static void assign_moving(struct projector *p)
{
	for (size_t i = 0; i < projector_count(p); i++) {
		struct partition *l = p->parts[i];
		if (l == NULL || !partition_moving(l))
			continue;
		consumer_add(p->x.consumer,
		    &(struct consumer_start){(int32_t)i, partition_offset(l)});
		partition_assigned(l);
	}
}

static void projector_on_resumed(void *arg)
{
	assign_moving(arg);
}

/* A partition asks for it. */
static void on_reassign(void *arg)
{
	struct projector *p = arg;
	if (!loop_timer_armed(p->reassign))
		loop_timer_start(p->reassign, REASSIGN);
}

static void on_reassign_due(void *arg)
{
	struct projector *p = arg;
	/* If a resume is under way, it assigns them at its end. */
	if (!resume_is_running(p->resume) && !p->draining)
		assign_moving(p);
}

/* A partition asks for it, or the group has settled. */
static void on_resume(void *arg)
{
	struct projector *p = arg;
	if (!p->draining && !p->unsettled)
		resume_begin(p->resume);
}

static void projector_on_redis(void *arg, bool ready)
{
	struct projector *p = arg;
	if (!ready)
		return;
	resume_hurry(p->resume);
	for (size_t i = 0; i < projector_count(p); i++) {
		if (p->parts[i])
			partition_hurry(p->parts[i]);
	}
}

/* --- the group ----------------------------------------------------------- */

static void projector_drop_partitions(struct projector *p)
{
	resume_stop(p->resume);
	warm_stop(p->x.warm);
	loop_timer_stop(p->reassign);
	for (size_t i = 0; i < projector_count(p); i++)
		partition_free(&p->parts[i]);
}

/* A resume that was under way begins again without it, at `settled`. */
static void projector_on_lost(void *arg, int32_t partition)
{
	struct projector *p = arg;
	if ((size_t)partition >= projector_count(p))
		return;
	resume_stop(p->resume);
	warm_forget(p->x.warm, partition);
	partition_free(&p->parts[partition]);
	consumer_remove(p->x.consumer, partition);
}

static void projector_on_gained(void *arg, int32_t partition)
{
	struct projector *p = arg;
	if ((size_t)partition < projector_count(p))
		p->parts[partition] = partition_new(&p->x, partition);
	else
		log_event(EV_PARTITION_FOREIGN, "partition=%d", partition);
}

static void projector_check_drained(void *arg);

static void projector_on_settled(void *arg)
{
	struct projector *p = arg;
	p->member = true;
	p->unsettled = false;
	on_resume(p);
	projector_check_drained(p);
}

static void projector_on_unsettled(void *arg)
{
	((struct projector *)arg)->unsettled = true;
}

static struct partition *partition_of(
    const struct projector *p, int32_t partition)
{
	bool known = partition >= 0 && (size_t)partition < projector_count(p);
	return known ? p->parts[partition] : NULL;
}

static void projector_on_message(void *arg, rd_kafka_message_t *m)
{
	struct partition *l = partition_of(arg, m->partition);
	if (l)
		partition_message(l, m);
	else
		rd_kafka_message_destroy(m);
}

static void projector_on_eof(void *arg, int32_t partition, int64_t end)
{
	struct partition *l = partition_of(arg, partition);
	if (l)
		partition_eof(l, end);
}

static void projector_on_fault(void *arg, int32_t partition, struct err e)
{
	struct partition *l = partition_of(arg, partition);
	if (l)
		partition_fault(l, &e);
}

static void projector_on_fatal(void *arg, const struct err *e)
{
	struct projector *p = arg;
	log_event(
	    EV_PROJECTOR_FATAL, "code=%s error=%s", e->code, log_quote(e->msg));
	p->exit_code = EXIT_FAILURE;
	daemon_ends_within(p->x.settings->common.drain_timeout);
	loop_stop(p->x.loop);
}

static struct err open_commits(struct projector *p)
{
	static const struct consumer_events events = {
	    .message = projector_on_message,
	    .eof = projector_on_eof,
	    .fault = projector_on_fault,
	};
	const struct consumer_options o = {
	    .loop = p->x.loop,
	    .kafka = &p->kafka,
	    .topic = p->x.settings->common.commits_topic,
	    .split = true,
	    .partitions = projector_count(p),
	    .events = &events,
	    .arg = p,
	};
	return consumer_new(&o, &p->x.consumer);
}

static struct err projector_join(struct projector *p)
{
	static const struct membership_events events = {
	    .lost = projector_on_lost,
	    .gained = projector_on_gained,
	    .settled = projector_on_settled,
	    .unsettled = projector_on_unsettled,
	    .fatal = projector_on_fatal,
	};
	const struct membership_options o = {
	    .loop = p->x.loop,
	    .kafka = &p->kafka,
	    .topic = p->x.settings->common.commits_topic,
	    .group = p->x.settings->group,
	    .instance = p->instance.data,
	    .session = p->x.settings->group_session,
	    .rejoins = &p->x.stats.rejoins,
	    .events = &events,
	    .arg = p,
	};
	struct err e = open_commits(p);
	return e.kind == ERR_KIND_OK ? membership_new(&o, &p->membership) : e;
}

/* --- drain, ticks -------------------------------------------------------- */

static void projector_check_drained(void *arg)
{
	struct projector *p = arg;
	if (!p->draining)
		return;
	for (size_t i = 0; i < projector_count(p); i++) {
		if (p->parts[i] &&
		    partition_state(p->parts[i]) == PARTITION_APPLYING)
			return;
	}
	loop_stop(p->x.loop);
}

static void projector_on_drain(void *arg)
{
	struct projector *p = arg;
	p->draining = true;
	resume_stop(p->resume);
	audit_stop(p->x.audit);
	warm_stop(p->x.warm);
	for (size_t i = 0; i < projector_count(p); i++) {
		if (p->parts[i])
			partition_drain(p->parts[i]);
	}
	projector_check_drained(p);
}

/* --- the head of the log -------------------------------------------------- */

static void projector_on_ends(
    void *arg, const struct writes_query_answer *answer)
{
	struct projector *p = arg;
	if (answer->known)
		writes_head_ask(p->writes_head, answer->ends);
}

static void projector_on_heads(
    void *arg, const struct writes_head_answer *answer)
{
	struct projector *p = arg;
	metric_add(&p->x.stats.heads, answer != NULL);
	for (size_t i = 0; i < projector_count(p) && answer; i++) {
		if (p->parts[i])
			partition_head(p->parts[i], answer->heads[i]);
	}
}

static void ask_heads(struct projector *p)
{
	if (writes_head_is_busy(p->writes_head) ||
	    !writes_query_ask(p->writes_query))
		return;
	for (size_t i = 0; i < projector_count(p); i++) {
		if (p->parts[i])
			partition_asks(p->parts[i]);
	}
}

static struct err open_heads(struct projector *p)
{
	struct err e =
	    pg_check_url("primary.url", p->x.settings->common.primary_url);
	if (e.kind != ERR_KIND_OK)
		return e;
	const struct pg_options primary = {
	    .loop = p->x.loop,
	    .name = "primary",
	    .url = p->x.settings->common.primary_url,
	    .session = "read-write",
	    .connect_timeout = CLOCK_S(3),
	    .query_timeout = CLOCK_S(5),
	};
	p->primary = pg_new(&primary);
	p->writes_head = writes_head_new(
	    p->primary, (int32_t)projector_count(p), projector_on_heads, p);
	const struct writes_query_options o = {
	    .loop = p->x.loop,
	    .kafka = &p->kafka,
	    .topic = p->x.settings->common.writes_topic,
	    .partitions = (int32_t)projector_count(p),
	    .done = projector_on_ends,
	    .arg = p,
	};
	return writes_query_new(&o, &p->writes_query);
}

static void projector_on_tick(void *arg)
{
	struct projector *p = arg;
	if (!p->draining && !p->unsettled)
		resume_check(p->resume);
	if (!p->draining)
		ask_heads(p);
	loop_timer_start(p->tick, TICK);
}

/* --- life ---------------------------------------------------------------- */

static struct err open_redis(struct projector *p)
{
	const struct projector_settings *s = p->x.settings;
	struct err e = redis_check_url(s->common.redis_url);
	if (e.kind != ERR_KIND_OK)
		return e;
	const struct redis_options o = {
	    .loop = p->x.loop,
	    .url = s->common.redis_url,
	    .tls = config_redis_tls(&s->common),
	    .scripts = l2_scripts,
	    .nscripts = L2_SCRIPTS,
	    .timeout = s->redis_timeout,
	    .max_pending = MAX_PENDING,
	    .state = projector_on_redis,
	    .arg = p,
	};
	p->x.redis = redis_new(&o);
	return ERR_OK;
}

static struct err open_warm(struct projector *p)
{
	const struct warm_options o = {
	    .loop = p->x.loop,
	    .settings = p->x.settings,
	    .kafka = &p->kafka,
	    .redis = p->x.redis,
	    .stats = &p->x.stats,
	};
	return warm_new(&o, &p->x.warm);
}

struct err projector_new(const struct config *config,
    const struct projector_settings *s, struct projector **out)
{
	struct projector *p = MEM_NEW(struct projector);
	*out = p;
	p->kafka = config_kafka(config);
	p->x.settings = s;
	p->x.loop = loop_new();
	p->x.tracer = daemon_tracer(&s->common, TRACER_COUNTERS(&p->x.stats));
	p->x.resume = on_resume;
	p->x.reassign = on_reassign;
	p->x.settled = projector_check_drained;
	p->x.arg = p;
	member_name_here(&p->instance, s->group_instance, s->admin_listen);
	p->parts = mem_zalloc(projector_count(p) * sizeof *p->parts);
	p->resume = resume_new(
	    &p->x, p->parts, projector_count(p), projector_on_resumed, p);
	p->tick = loop_timer_new(p->x.loop, projector_on_tick, p);
	p->reassign = loop_timer_new(p->x.loop, on_reassign_due, p);
	p->reload = reload_new(RELOAD_COUNTERS(&p->x.stats));
	p->reload_settings = reload_settings_new(
	    p->reload, config, &(struct reload_collections){0});
	p->report = (struct report){&p->x, p->parts, projector_count(p),
	    &p->membership, &p->member, &p->draining, &p->x.stats, p->reload};
	struct err e = report_open(&p->report, config, &p->admin);
	if (e.kind == ERR_KIND_OK)
		e = open_redis(p);
	if (e.kind == ERR_KIND_OK)
		e = audit_check_settings(s);
	if (e.kind == ERR_KIND_OK)
		e = open_warm(p);
	if (e.kind == ERR_KIND_OK)
		e = open_heads(p);
	if (e.kind == ERR_KIND_OK) {
		p->x.audit = audit_new(p->x.loop, s, p->x.redis, &p->x.stats);
		e = projector_join(p);
	}
	if (e.kind != ERR_KIND_OK)
		return e;
	p->signals = daemon_signals_new(
	    p->x.loop, &(struct daemon_end){.drain = projector_on_drain,
			   .arg = p,
			   .timeout = s->common.drain_timeout,
			   .reload = p->reload});
	loop_timer_start(p->tick, TICK);
	return ERR_OK;
}

int projector_run(struct projector *p)
{
	loop_run(p->x.loop);
	return p->exit_code;
}

void projector_free(struct projector **pp)
{
	struct projector *p = *pp;
	if (p == NULL)
		return;
	p->draining = true;
	projector_drop_partitions(
	    p); /* and their messages, before the consumer */
	membership_free(&p->membership);
	consumer_free(&p->x.consumer);
	writes_query_free(&p->writes_query);
	writes_head_free(&p->writes_head);
	pg_free(&p->primary);
	audit_stop(p->x.audit);
	warm_stop(p->x.warm);
	redis_free(&p->x.redis);
	audit_free(&p->x.audit); /* after its answers, like resume */
	warm_free(&p->x.warm);
	resume_free(&p->resume); /* after its answers */
	admin_free(&p->admin);
	daemon_signals_free(&p->signals);
	reload_settings_free(&p->reload_settings);
	reload_free(&p->reload);
	tracer_free(&p->x.tracer);
	loop_timer_free(&p->tick);
	loop_timer_free(&p->reassign);
	loop_free(&p->x.loop);
	buf_free(&p->instance);
	free(p->parts);
	free(p);
	*pp = NULL;
}
