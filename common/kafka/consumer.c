#include "common/kafka/consumer.h"

#include "common/base/check.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/kafka/assignment.h"
#include "common/kafka/kafka_poll.h"
#include "common/kafka/member.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLOSE CLOCK_S(3)
/* Polls at least so often, because of max.poll.interval.ms. */
#define BEAT CLOCK_S(1)

/* Maximum messages per partition and turn of the loop. */
enum { TURN_MESSAGES = 512 };

struct consumer {
	rd_kafka_t *rk;
	rd_kafka_queue_t *main;
	char *topic;
	bool group;
	char *instance; /* NULL: it has no name in the group */
	bool held;
	bool closing;
	bool fatal; /* `fatal` was called */
	bool reachable;
	unsigned generation; /* grows with each assignment; older partitions are
				gone */
	/* The assignment to pass to librdkafka next; NULL: none. */
	rd_kafka_topic_partition_list_t *wanted;
	struct consumer_events events;
	void *arg;
	struct assignment assignment;
	struct kafka_poll *poll;
};

/* --- callbacks of librdkafka, on our thread, inside a poll --------------- */

static void on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t err,
    rd_kafka_topic_partition_list_t *list, void *opaque)
{
	struct consumer *c = opaque;
	if (err != RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
		log_event(EV_REVOKED, "topic=%s partitions=%d lost=%s",
		    c->topic, list->cnt,
		    rd_kafka_assignment_lost(rk) ? "true" : "false");
		consumer_assign(c, NULL, 0);
		if (!c->closing)
			c->events.revoked(c->arg);
		return;
	}
	log_event(EV_ASSIGNED, "topic=%s partitions=%d", c->topic, list->cnt);
	int32_t *partitions = mem_alloc((size_t)list->cnt * sizeof *partitions);
	for (int i = 0; i < list->cnt; i++)
		partitions[i] = list->elems[i].partition;
	if (c->closing || list->cnt == 0)
		consumer_assign(c, NULL, 0);
	if (!c->closing)
		c->events.assigned(c->arg, partitions, (size_t)list->cnt);
	free(partitions);
}

static void consumer_on_error(
    rd_kafka_t *rk, int err, const char *reason, void *opaque)
{
	(void)rk;
	struct consumer *c = opaque;
	log_event(EV_KAFKA_ERROR, "topic=%s code=%s text=%s", c->topic,
	    rd_kafka_err2name((rd_kafka_resp_err_t)err), log_quote(reason));
}

static int consumer_on_stats(
    rd_kafka_t *rk, char *json, size_t len, void *opaque)
{
	(void)rk;
	struct consumer *c = opaque;
	bool now = kafka_stats_reachable(json, len);
	/* Assigned by hand, without partitions: there is nothing to reach. */
	bool idle = !c->group && c->assignment.n == 0;
	if (now == c->reachable || c->closing || idle)
		return 0;
	c->reachable = now;
	log_event(now ? EV_KAFKA_UP : EV_KAFKA_DOWN, "topic=%s", c->topic);
	if (c->events.reachable)
		c->events.reachable(c->arg, now);
	return 0;
}

/* --- serving ------------------------------------------------------------- */

/* librdkafka has one fatal error of a consumer: another process has its name.
 * The handle cannot be used any more. */
static void tell_fatal(struct consumer *c)
{
	char text[256];
	rd_kafka_resp_err_t why =
	    rd_kafka_fatal_error(c->rk, text, sizeof text);
	struct err e =
	    err_make(ERR_KIND_FATAL, rd_kafka_err2name(why), "%s", text);
	if (why == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID)
		e = err_make(ERR_KIND_FATAL, "group.fenced",
		    "the group has another member '%s': a second process that "
		    "has this name (the setting 'group.instance'), or this "
		    "one, if the broker paused for longer than group.session",
		    c->instance ? c->instance : "");
	if (c->events.fatal && !c->fatal)
		c->events.fatal(c->arg, &e);
	c->fatal = true;
}

static void dispatch(struct consumer *c, rd_kafka_message_t *m)
{
	if (m->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
		c->events.message(c->arg, m);
		return;
	}
	if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
		if (c->events.eof)
			c->events.eof(c->arg, m->partition, m->offset);
	} else if (m->err == RD_KAFKA_RESP_ERR__FATAL) {
		tell_fatal(c);
	} else {
		struct err e =
		    err_make(ERR_KIND_RETRY, rd_kafka_err2name(m->err), "%s",
			rd_kafka_message_errstr(m));
		log_event(EV_KAFKA_ERROR,
		    "topic=%s partition=%d code=%s text=%s", c->topic,
		    m->partition, e.code, log_quote(e.msg));
		if (m->partition >= 0)
			c->events.fault(c->arg, m->partition, e);
	}
	rd_kafka_message_destroy(m);
}

/* True: there may be more. */
static bool serve_main(struct consumer *c)
{
	/* A callback may have replaced the assignment. Then further messages
	 * are still of the former one. */
	for (int i = 0; i < TURN_MESSAGES && c->wanted == NULL; i++) {
		if (c->held)
			return false;
		rd_kafka_message_t *m = rd_kafka_consumer_poll(c->rk, 0);
		if (m == NULL)
			return false;
		dispatch(c, m);
	}
	return true;
}

static bool serve_partition(struct consumer *c, struct assigned *assigned)
{
	unsigned generation = c->generation;
	for (int i = 0; i < TURN_MESSAGES; i++) {
		/* A callback may have paused the partition, or replaced the
		 * assignment: then the partition is gone. */
		if (c->generation != generation || assigned->paused ||
		    assigned->queue == NULL)
			return false;
		rd_kafka_message_t *m =
		    rd_kafka_consume_queue(assigned->queue, 0);
		if (m == NULL)
			return false;
		dispatch(c, m);
	}
	return true;
}

static void assign_wanted(struct consumer *c);

static void consumer_serve(void *arg)
{
	struct consumer *c = arg;
	if (c->wanted)
		assign_wanted(c);
	bool more = serve_main(c);
	unsigned generation = c->generation;
	for (size_t i = 0; i < c->assignment.n && c->generation == generation;
	     i++)
		more = serve_partition(c, &c->assignment.at[i]) || more;
	if (more || c->generation != generation)
		kafka_poll_again(c->poll);
}

/* --- assignment ---------------------------------------------------------- */

/* librdkafka (up to 2.15) aborts if an assignment is replaced before the
 * partitions of the former one have stopped, because it stops them twice. Its
 * main thread works through one queue. So a request through the same queue is
 * answered after the stops. */
static void wait_for_stops(struct consumer *c)
{
	rd_kafka_topic_partition_list_t *list = NULL;
	rd_kafka_assignment(c->rk, &list);
	if (list)
		rd_kafka_topic_partition_list_destroy(list);
}

static void consumer_assign_now(
    struct consumer *c, const rd_kafka_topic_partition_list_t *list)
{
	wait_for_stops(c);
	rd_kafka_resp_err_t err = rd_kafka_assign(c->rk, list);
	/* The assignment was lost meanwhile: `revoked` comes next. */
	if (err != RD_KAFKA_RESP_ERR_NO_ERROR)
		log_event(EV_KAFKA_ERROR, "topic=%s code=%s text=\"assign\"",
		    c->topic, rd_kafka_err2name(err));
}

static void drop_wanted(struct consumer *c)
{
	if (c->wanted)
		rd_kafka_topic_partition_list_destroy(c->wanted);
	c->wanted = NULL;
}

static void assign_wanted(struct consumer *c)
{
	/* Split before anything is fetched: it would go to the main queue. */
	if (c->group)
		assignment_split(&c->assignment, c->rk, c->topic, c->poll);
	consumer_assign_now(c, c->wanted);
	drop_wanted(c);
}

/* The assignment is made later, so that only the last of several calls counts.
 * An empty one is made at once, because the group waits for it. */
void consumer_assign(
    struct consumer *c, const struct consumer_start *starts, size_t n)
{
	assignment_drop(&c->assignment);
	drop_wanted(c);
	c->generation++;
	if (n == 0) {
		consumer_assign_now(c, NULL);
		return;
	}
	c->wanted = rd_kafka_topic_partition_list_new((int)n);
	for (size_t i = 0; i < n; i++) {
		rd_kafka_topic_partition_list_add(
		    c->wanted, c->topic, starts[i].partition)
		    ->offset = starts[i].offset;
		assignment_add(&c->assignment, starts[i].partition);
	}
	kafka_poll_again(c->poll);
}

void consumer_assign_each(struct consumer *c, size_t n,
    bool (*start)(void *arg, size_t i, struct consumer_start *out), void *arg)
{
	struct consumer_start *starts = mem_alloc((n + 1) * sizeof *starts);
	size_t of = 0;
	for (size_t i = 0; i < n; i++)
		of += start(arg, i, &starts[of]);
	consumer_assign(c, starts, of);
	free(starts);
}

void consumer_pause(struct consumer *c, int32_t partition)
{
	struct assigned *assigned = assignment_find(&c->assignment, partition);
	if (assigned)
		assigned->paused = true;
}

void consumer_resume(struct consumer *c, int32_t partition)
{
	struct assigned *assigned = assignment_find(&c->assignment, partition);
	if (assigned == NULL || !assigned->paused)
		return;
	assigned->paused = false;
	kafka_poll_again(c->poll);
}

void consumer_hold(struct consumer *c, bool held)
{
	c->held = held;
	if (!held)
		kafka_poll_again(c->poll);
}

bool consumer_is_gone(const struct err *e)
{
	return strcmp(e->code, "_AUTO_OFFSET_RESET") == 0 ||
	       strcmp(e->code, "OFFSET_OUT_OF_RANGE") == 0;
}

int64_t consumer_end(const struct consumer *c, int32_t partition)
{
	int64_t low, high;
	rd_kafka_resp_err_t err = rd_kafka_get_watermark_offsets(
	    c->rk, c->topic, partition, &low, &high);
	return err == RD_KAFKA_RESP_ERR_NO_ERROR && high >= 0 ? high : -1;
}

bool consumer_reachable(const struct consumer *c)
{
	return c->reachable;
}

/* --- life ---------------------------------------------------------------- */

static struct err subscribe(struct consumer *c)
{
	rd_kafka_topic_partition_list_t *list =
	    rd_kafka_topic_partition_list_new(1);
	rd_kafka_topic_partition_list_add(
	    list, c->topic, RD_KAFKA_PARTITION_UA);
	rd_kafka_resp_err_t err = rd_kafka_subscribe(c->rk, list);
	rd_kafka_topic_partition_list_destroy(list);
	if (err == RD_KAFKA_RESP_ERR_NO_ERROR)
		return ERR_OK;
	return err_make(ERR_KIND_FATAL, rd_kafka_err2name(err), "subscribe: %s",
	    rd_kafka_err2str(err));
}

enum { PAIRS = 40 };

struct properties {
	const char *pairs[PAIRS + 1];
	size_t n;
	char session[24], heartbeat[24];
};

static void consumer_add(
    struct properties *p, const char *name, const char *value)
{
	CHECK(p->n + 2 <= PAIRS);
	p->pairs[p->n++] = name;
	p->pairs[p->n++] = value;
}

static void add_ms(struct properties *p, const char *name, char *text,
    size_t size, dur_us_t value)
{
	snprintf(text, size, "%lld", (long long)(value / 1000));
	consumer_add(p, name, text);
}

static void add_membership(
    struct properties *p, const struct consumer_options *o)
{
	consumer_add(p, "partition.assignment.strategy", "range");
	if (o->instance && *o->instance)
		consumer_add(p, "group.instance.id", o->instance);
	if (o->session == 0)
		return;
	add_ms(
	    p, "session.timeout.ms", p->session, sizeof p->session, o->session);
	add_ms(p, "heartbeat.interval.ms", p->heartbeat, sizeof p->heartbeat,
	    member_heartbeat(o->session));
}

static void add_all(struct properties *p, const struct consumer_options *o)
{
	/* librdkafka always needs a group id; nothing is committed. */
	consumer_add(p, "group.id", o->group ? o->group : "sluice-tail");
	/* Never: librdkafka sends a commit again after its connection broke. If
	 * the member has joined anew by then, it has a new member id, and the
	 * coordinator takes the old id for another process of the same name. It
	 * fences the member, which is fatal (librdkafka issue 3437). A
	 * heartbeat can do the same, but only after a pause of the broker that
	 * was longer than the session. */
	consumer_add(p, "enable.auto.commit", "false");
	consumer_add(p, "enable.auto.offset.store", "false");
	consumer_add(p, "auto.offset.reset", "error");
	consumer_add(
	    p, "enable.partition.eof", o->events->eof ? "true" : "false");
	consumer_add(p, "fetch.wait.max.ms", o->idle ? "250" : "20");
	consumer_add(
	    p, "queued.max.messages.kbytes", o->idle ? "1024" : "2048");
	consumer_add(p, "statistics.interval.ms", "1000");
	if (o->group)
		add_membership(p, o);
}

static struct err consumer_create(
    struct consumer *c, const struct consumer_options *o)
{
	struct properties p = {0};
	add_all(&p, o);
	rd_kafka_conf_t *conf;
	struct err e = kafka_conf(o->kafka, p.pairs, &conf);
	if (e.kind != ERR_KIND_OK)
		return e;
	rd_kafka_conf_set_opaque(conf, c);
	rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
	rd_kafka_conf_set_error_cb(conf, consumer_on_error);
	rd_kafka_conf_set_stats_cb(conf, consumer_on_stats);
	char text[256];
	c->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof text);
	if (c->rk == NULL) {
		rd_kafka_conf_destroy(conf);
		return err_make(ERR_KIND_FATAL, "config", "%s", text);
	}
	rd_kafka_poll_set_consumer(c->rk);
	if (o->group)
		return subscribe(c);
	kafka_expect(c->rk, c->topic);
	return ERR_OK;
}

struct err consumer_new(const struct consumer_options *o, struct consumer **out)
{
	struct consumer *c = MEM_NEW(struct consumer);
	c->topic = mem_strdup(o->topic);
	c->group = o->group != NULL;
	if (c->group && o->instance && *o->instance)
		c->instance = mem_strdup(o->instance);
	c->events = *o->events;
	c->arg = o->arg;
	c->poll = kafka_poll_new(o->loop, BEAT, consumer_serve, c);
	struct err e = consumer_create(c, o);
	*out = c;
	if (e.kind != ERR_KIND_OK) {
		consumer_free(out);
		return e;
	}
	c->main = rd_kafka_queue_get_consumer(c->rk);
	kafka_poll_watch(c->poll, c->main);
	return ERR_OK;
}

static void consumer_pass_over(rd_kafka_message_t *m)
{
	if (m)
		rd_kafka_message_destroy(m);
}

static bool is_member(rd_kafka_t *rk)
{
	char *id = rd_kafka_memberid(rk);
	bool is = id && *id;
	rd_kafka_mem_free(rk, id);
	return is;
}

/* A named member stays in its group when it is closed: the group waits for it
 * to come back. A member that drains may not come back, so it leaves, and
 * others get its partitions now. After that, the member has no id any more. */
static void consumer_leave(struct consumer *c, mono_us_t end)
{
	if (c->instance == NULL || c->fatal || !is_member(c->rk))
		return;
	rd_kafka_unsubscribe(c->rk);
	while (is_member(c->rk) && clock_mono() < end)
		consumer_pass_over(rd_kafka_consumer_poll(c->rk, 10));
}

static bool closed_in_time(rd_kafka_t *rk, mono_us_t end)
{
	rd_kafka_queue_t *q = rd_kafka_queue_new(rk);
	rd_kafka_error_t *e = rd_kafka_consumer_close_queue(rk, q);
	/* Messages that were not served yet come here, too. */
	while (e == NULL && !rd_kafka_consumer_closed(rk) && clock_mono() < end)
		consumer_pass_over(rd_kafka_consume_queue(q, 50));
	rd_kafka_error_destroy(e);
	rd_kafka_queue_destroy(q);
	return rd_kafka_consumer_closed(rk);
}

/* If the coordinator does not answer, librdkafka tries for five minutes to
 * leave the group. The handle is abandoned instead, because the process ends:
 * the group removes this member when its session is over. A fenced consumer
 * cannot be closed, and is not a member. */
static void consumer_end_of(struct consumer *c)
{
	mono_us_t until = clock_mono() + CLOSE;
	assignment_drop(&c->assignment);
	drop_wanted(c);
	wait_for_stops(c);
	consumer_leave(c, until);
	bool closed = closed_in_time(c->rk, until);
	if (c->main) {
		kafka_poll_unwatch(c->main);
		rd_kafka_queue_destroy(c->main);
	}
	if (closed)
		rd_kafka_destroy(c->rk);
	else if (!c->fatal)
		log_event(EV_KAFKA_ERROR, "topic=%s text=\"%s\"", c->topic,
		    "the group could not be left; the membership expires "
		    "instead");
}

void consumer_free(struct consumer **cp)
{
	struct consumer *c = *cp;
	if (c == NULL)
		return;
	c->closing = true;
	if (c->rk)
		consumer_end_of(c);
	kafka_poll_free(&c->poll);
	free(c->topic);
	free(c->instance);
	free(c);
	*cp = NULL;
}
