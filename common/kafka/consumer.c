#include "common/kafka/consumer.h"

#include "common/base/check.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/kafka/assignment.h"
#include "common/kafka/consumer_conf.h"
#include "common/kafka/kafka_poll.h"

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
	bool split;
	bool held;
	bool closing;
	bool reachable;
	unsigned generation; /* grows with each change of the assignment */
	/* Not split: the assignment to pass to librdkafka next; NULL: none. */
	rd_kafka_topic_partition_list_t *wanted;
	/* Split: what librdkafka has and shall drop, and what it shall begin
	 * with after that. */
	rd_kafka_topic_partition_list_t *removes, *adds;
	struct consumer_events events;
	void *arg;
	struct assignment assignment;
	struct kafka_poll *poll;
};

/* --- callbacks of librdkafka, on our thread, inside a poll --------------- */

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
	/* There is nothing to reach. If it is split, partitions will come. */
	bool idle = !c->split && c->assignment.n == 0;
	if (now == c->reachable || c->closing || idle)
		return 0;
	c->reachable = now;
	log_event(now ? EV_KAFKA_UP : EV_KAFKA_DOWN, "topic=%s", c->topic);
	if (c->events.reachable)
		c->events.reachable(c->arg, now);
	return 0;
}

/* --- serving ------------------------------------------------------------- */

static void dispatch(struct consumer *c, rd_kafka_message_t *m)
{
	if (m->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
		c->events.message(c->arg, m);
		return;
	}
	if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
		if (c->events.eof)
			c->events.eof(c->arg, m->partition, m->offset);
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
		/* A callback may have paused the partition, or changed the
		 * assignment: then the partition may be gone. */
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

static void pass_assignment(struct consumer *c);

static void consumer_serve(void *arg)
{
	struct consumer *c = arg;
	pass_assignment(c);
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

static void log_refusal(const struct consumer *c, rd_kafka_resp_err_t err)
{
	if (err != RD_KAFKA_RESP_ERR_NO_ERROR)
		log_event(EV_KAFKA_ERROR, "topic=%s code=%s text=\"assign\"",
		    c->topic, rd_kafka_err2name(err));
}

static void log_error(const struct consumer *c, rd_kafka_error_t *e)
{
	log_refusal(c, rd_kafka_error_code(e));
	rd_kafka_error_destroy(e);
}

static void consumer_assign_now(
    struct consumer *c, const rd_kafka_topic_partition_list_t *list)
{
	wait_for_stops(c);
	log_refusal(c, rd_kafka_assign(c->rk, list));
}

static void drop_list(rd_kafka_topic_partition_list_t **list)
{
	if (*list)
		rd_kafka_topic_partition_list_destroy(*list);
	*list = NULL;
}

static rd_kafka_topic_partition_list_t *list_of(
    rd_kafka_topic_partition_list_t **list)
{
	if (*list == NULL)
		*list = rd_kafka_topic_partition_list_new(1);
	return *list;
}

static void pass_assignment(struct consumer *c)
{
	if (c->wanted)
		consumer_assign_now(c, c->wanted);
	drop_list(&c->wanted);
	if (c->removes && c->removes->cnt > 0) {
		wait_for_stops(c);
		log_error(c, rd_kafka_incremental_unassign(c->rk, c->removes));
	}
	drop_list(&c->removes);
	if (c->adds && c->adds->cnt > 0) {
		wait_for_stops(c);
		/* Split before anything is fetched: it would go to the main
		 * queue. */
		assignment_split(&c->assignment, c->rk, c->topic, c->poll);
		log_error(c, rd_kafka_incremental_assign(c->rk, c->adds));
	}
	drop_list(&c->adds);
}

/* The assignment is made later, so that only the last of several calls counts.
 * An empty one is made at once. */
void consumer_assign(
    struct consumer *c, const struct consumer_start *starts, size_t n)
{
	CHECK(!c->split);
	assignment_drop(&c->assignment);
	drop_list(&c->wanted);
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

void consumer_remove(struct consumer *c, int32_t partition)
{
	CHECK(c->split);
	struct assigned *assigned = assignment_find(&c->assignment, partition);
	if (assigned == NULL)
		return;
	if (assigned->queue)
		rd_kafka_topic_partition_list_add(
		    list_of(&c->removes), c->topic, partition);
	else /* librdkafka does not have it yet */
		rd_kafka_topic_partition_list_del(
		    list_of(&c->adds), c->topic, partition);
	assignment_remove(&c->assignment, assigned);
	c->generation++;
	kafka_poll_again(c->poll);
}

void consumer_add(struct consumer *c, const struct consumer_start *start)
{
	consumer_remove(c, start->partition);
	rd_kafka_topic_partition_list_add(
	    list_of(&c->adds), c->topic, start->partition)
	    ->offset = start->offset;
	assignment_add(&c->assignment, start->partition);
	c->generation++;
	kafka_poll_again(c->poll);
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

static struct err consumer_open(
    struct consumer *c, const struct consumer_options *o)
{
	rd_kafka_conf_t *conf;
	struct err e = consumer_conf(o, &conf);
	if (e.kind != ERR_KIND_OK)
		return e;
	rd_kafka_conf_set_opaque(conf, c);
	rd_kafka_conf_set_error_cb(conf, consumer_on_error);
	rd_kafka_conf_set_stats_cb(conf, consumer_on_stats);
	char text[256];
	c->rk = kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof text);
	if (c->rk == NULL) {
		rd_kafka_conf_destroy(conf);
		return err_make(ERR_KIND_FATAL, "config", "%s", text);
	}
	rd_kafka_poll_set_consumer(c->rk);
	kafka_expect(c->rk, c->topic);
	c->main = rd_kafka_queue_get_consumer(c->rk);
	kafka_poll_watch(c->poll, c->main);
	return ERR_OK;
}

struct err consumer_new(const struct consumer_options *o, struct consumer **out)
{
	struct consumer *c = MEM_NEW(struct consumer);
	c->topic = mem_strdup(o->topic);
	c->split = o->split;
	c->events = *o->events;
	c->arg = o->arg;
	c->poll = kafka_poll_new(o->loop, BEAT, consumer_serve, c);
	struct err e = consumer_open(c, o);
	*out = c;
	if (e.kind != ERR_KIND_OK)
		consumer_free(out);
	return e;
}

/* If librdkafka does not stop in time, the handle is abandoned, because the
 * process ends. */
static void consumer_end_of(struct consumer *c)
{
	wait_for_stops(c);
	bool closed = kafka_close(c->rk, clock_mono() + CLOSE);
	kafka_poll_unwatch(c->main);
	rd_kafka_queue_destroy(c->main);
	if (closed)
		rd_kafka_destroy(c->rk);
	else
		log_event(EV_KAFKA_ERROR, "topic=%s text=\"%s\"", c->topic,
		    "the consumer could not be closed in time");
}

void consumer_free(struct consumer **cp)
{
	struct consumer *c = *cp;
	if (c == NULL)
		return;
	c->closing = true;
	assignment_drop(&c->assignment);
	drop_list(&c->wanted);
	drop_list(&c->removes);
	drop_list(&c->adds);
	if (c->rk)
		consumer_end_of(c);
	kafka_poll_free(&c->poll);
	free(c->topic);
	free(c);
	*cp = NULL;
}
