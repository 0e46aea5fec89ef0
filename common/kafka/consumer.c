#include "common/kafka/consumer.h"

#include "common/base/check.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/kafka/assignment.h"
#include "common/kafka/consumer_conf.h"
#include "common/kafka/kafka_poll.h"
#include "common/kafka/rejoin.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define CLOSE CLOCK_S(3)
/* Polls at least so often, because of max.poll.interval.ms. */
#define BEAT CLOCK_S(1)

/* Maximum messages per partition and turn of the loop. */
enum { TURN_MESSAGES = 512 };

struct consumer {
	rd_kafka_conf_t *conf; /* each handle gets a copy */
	rd_kafka_t *rk;
	rd_kafka_queue_t *main;
	char *topic;
	bool group;
	char *instance; /* NULL: it has no name in the group */
	bool held;
	bool closing;
	bool fatal;    /* `fatal` was called */
	bool assigned; /* `assigned` was called, and `revoked` not since */
	/* The handle is fenced by a heartbeat of its own; another one replaces
	 * it at the end of this turn. */
	bool renewing;
	struct rejoin rejoin;
	dur_us_t session;
	metric_t *rejoins;
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

static void tell_revoked(struct consumer *c)
{
	c->assigned = false;
	if (!c->closing)
		c->events.revoked(c->arg);
}

/* A fenced member loses its assignment, too; but then the handle has its fatal
 * error first. */
static bool session_lost(rd_kafka_t *rk)
{
	return rd_kafka_assignment_lost(rk) &&
	       rd_kafka_fatal_error(rk, NULL, 0) == RD_KAFKA_RESP_ERR_NO_ERROR;
}

static void on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t err,
    rd_kafka_topic_partition_list_t *list, void *opaque)
{
	struct consumer *c = opaque;
	if (err != RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
		log_event(EV_REVOKED, "topic=%s partitions=%d lost=%s",
		    c->topic, list->cnt,
		    rd_kafka_assignment_lost(rk) ? "true" : "false");
		if (session_lost(rk))
			rejoin_lost(&c->rejoin);
		consumer_assign(c, NULL, 0);
		tell_revoked(c);
		return;
	}
	rejoin_assigned(&c->rejoin, clock_mono());
	log_event(EV_ASSIGNED, "topic=%s partitions=%d", c->topic, list->cnt);
	int32_t *partitions = mem_alloc((size_t)list->cnt * sizeof *partitions);
	for (int i = 0; i < list->cnt; i++)
		partitions[i] = list->elems[i].partition;
	if (c->closing || list->cnt == 0)
		consumer_assign(c, NULL, 0);
	c->assigned = true;
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

static void tell_fatal(struct consumer *c, const struct err *e)
{
	if (c->events.fatal && !c->fatal)
		c->events.fatal(c->arg, e);
	c->fatal = true;
}

/* The handle cannot be used any more. librdkafka has one fatal error of a
 * consumer: it is fenced. */
static void on_fatal(struct consumer *c)
{
	char text[256];
	rd_kafka_resp_err_t why =
	    rd_kafka_fatal_error(c->rk, text, sizeof text);
	struct err e =
	    err_make(ERR_KIND_FATAL, rd_kafka_err2name(why), "%s", text);
	if (why != RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID) {
		tell_fatal(c, &e);
		return;
	}
	if (rejoin_fenced(&c->rejoin, clock_mono(), c->session)) {
		c->renewing = true;
		return;
	}
	e = err_make(ERR_KIND_FATAL, "group.fenced",
	    "another process has the name '%s' in the group; give each process "
	    "a name of its own (the setting 'group.instance')",
	    c->instance ? c->instance : "");
	tell_fatal(c, &e);
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
		if (!c->renewing && !c->fatal)
			on_fatal(c);
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
		if (c->held || c->renewing)
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
static void consumer_renew(struct consumer *c);

static void consumer_serve(void *arg)
{
	struct consumer *c = arg;
	if (c->wanted)
		assign_wanted(c);
	bool more = serve_main(c);
	if (c->renewing) {
		consumer_renew(c);
		return;
	}
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

static struct err subscribe(struct consumer *c, rd_kafka_t *rk)
{
	rd_kafka_topic_partition_list_t *list =
	    rd_kafka_topic_partition_list_new(1);
	rd_kafka_topic_partition_list_add(
	    list, c->topic, RD_KAFKA_PARTITION_UA);
	rd_kafka_resp_err_t err = rd_kafka_subscribe(rk, list);
	rd_kafka_topic_partition_list_destroy(list);
	if (err == RD_KAFKA_RESP_ERR_NO_ERROR)
		return ERR_OK;
	return err_make(ERR_KIND_FATAL, rd_kafka_err2name(err), "subscribe: %s",
	    rd_kafka_err2str(err));
}

static struct err consumer_configure(
    struct consumer *c, const struct consumer_options *o)
{
	struct err e = consumer_conf(o, &c->conf);
	if (e.kind != ERR_KIND_OK)
		return e;
	rd_kafka_conf_set_opaque(c->conf, c);
	rd_kafka_conf_set_rebalance_cb(c->conf, on_rebalance);
	rd_kafka_conf_set_error_cb(c->conf, consumer_on_error);
	rd_kafka_conf_set_stats_cb(c->conf, consumer_on_stats);
	c->session = consumer_conf_session(c->conf);
	return ERR_OK;
}

/* Makes a handle, and watches it. If it fails, *c is as before. */
static struct err consumer_open(struct consumer *c)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_dup(c->conf);
	char text[256];
	rd_kafka_t *rk = kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof text);
	if (rk == NULL) {
		rd_kafka_conf_destroy(conf);
		return err_make(ERR_KIND_FATAL, "config", "%s", text);
	}
	rd_kafka_poll_set_consumer(rk);
	struct err e = c->group ? subscribe(c, rk) : ERR_OK;
	if (e.kind != ERR_KIND_OK) {
		rd_kafka_destroy(rk);
		return e;
	}
	if (!c->group)
		kafka_expect(rk, c->topic);
	c->rk = rk;
	c->main = rd_kafka_queue_get_consumer(rk);
	kafka_poll_watch(c->poll, c->main);
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
	c->rejoins = o->rejoins;
	c->poll = kafka_poll_new(o->loop, BEAT, consumer_serve, c);
	struct err e = consumer_configure(c, o);
	if (e.kind == ERR_KIND_OK)
		e = consumer_open(c);
	*out = c;
	if (e.kind != ERR_KIND_OK)
		consumer_free(out);
	return e;
}

/* --- a handle that is fenced --------------------------------------------- */

static void *destroy_fenced(void *rk)
{
	/* It is not a member any more, and its callbacks must not come: their
	 * consumer may be gone. */
	rd_kafka_destroy_flags(rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
	return NULL;
}

/* librdkafka 2.0.2 may hang in it. Then a thread and the handle's memory are
 * lost until the process ends. */
static void destroy_aside(rd_kafka_t *rk)
{
	pthread_t thread;
	CHECK_OS(pthread_create(&thread, NULL, destroy_fenced, rk));
	CHECK_OS(pthread_detach(thread));
}

static void unwatch_main(rd_kafka_queue_t *q)
{
	kafka_poll_unwatch(q);
	rd_kafka_queue_destroy(q);
}

static void lose_assignment(struct consumer *c)
{
	assignment_drop(&c->assignment);
	drop_wanted(c);
	c->generation++;
	if (c->assigned) {
		log_event(EV_REVOKED, "topic=%s lost=true", c->topic);
		tell_revoked(c);
	}
}

/* The owner has no message of the former handle after `revoked`. */
static void consumer_renew(struct consumer *c)
{
	rd_kafka_t *former = c->rk;
	rd_kafka_queue_t *former_main = c->main;
	c->renewing = false;
	lose_assignment(c);
	struct err e = consumer_open(c);
	if (e.kind != ERR_KIND_OK) {
		tell_fatal(c, &e);
		return;
	}
	log_event(EV_REJOINS, "topic=%s name=%s", c->topic,
	    c->instance ? c->instance : "");
	if (c->rejoins)
		metric_add(c->rejoins, 1);
	unwatch_main(former_main);
	destroy_aside(former);
	kafka_poll_again(c->poll);
}

/* --- the end -------------------------------------------------------------- */

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
	unwatch_main(c->main);
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
	if (c->conf)
		rd_kafka_conf_destroy(c->conf);
	kafka_poll_free(&c->poll);
	free(c->topic);
	free(c->instance);
	free(c);
	*cp = NULL;
}
