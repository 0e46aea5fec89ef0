#include "common/kafka/membership.h"

#include "common/base/check.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/kafka/consumer_conf.h"
#include "common/kafka/kafka_poll.h"
#include "common/kafka/rejoin.h"
#include "common/kafka/share.h"

#include <pthread.h>
#include <stdlib.h>

#define CLOSE CLOCK_S(3)
/* Polls at least so often, because of max.poll.interval.ms. */
#define BEAT CLOCK_S(1)

struct membership {
	rd_kafka_conf_t *conf; /* each handle gets a copy */
	rd_kafka_t *rk;
	rd_kafka_queue_t *main;
	char *topic;
	char *instance; /* NULL: it has no name in the group */
	bool closing;
	bool fatal; /* `fatal` was called */
	/* The handle is fenced by a heartbeat of its own; another one replaces
	 * it at the end of this turn. */
	bool renewing;
	bool reachable;
	struct rejoin rejoin;
	dur_us_t session;
	metric_t *rejoins;
	struct share mine; /* what the owner was told */
	const struct membership_events *events;
	void *arg;
	struct kafka_poll *poll;
};

/* --- callbacks of librdkafka, on our thread, inside a poll --------------- */

/* A fenced member loses its assignment, too; but then the handle has its fatal
 * error first. */
static bool session_lost(rd_kafka_t *rk)
{
	return rd_kafka_assignment_lost(rk) &&
	       rd_kafka_fatal_error(rk, NULL, 0) == RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* Whatever the group assigns, this handle fetches nothing. */
static void answer_with(
    struct membership *m, const rd_kafka_topic_partition_list_t *list)
{
	rd_kafka_resp_err_t err = rd_kafka_assign(m->rk, list);
	/* The assignment was lost meanwhile: it is taken away next. */
	if (err != RD_KAFKA_RESP_ERR_NO_ERROR)
		log_event(EV_KAFKA_ERROR, "topic=%s code=%s text=\"assign\"",
		    m->topic, rd_kafka_err2name(err));
}

static void answer_nothing(struct membership *m)
{
	rd_kafka_topic_partition_list_t *none =
	    rd_kafka_topic_partition_list_new(0);
	answer_with(m, none);
	rd_kafka_topic_partition_list_destroy(none);
}

static void log_assigned(const struct membership *m, const struct share *kept,
    const struct share *gained, const struct share *lost)
{
	const struct share *each[] = {kept, gained, lost};
	struct buf text[3] = {0};
	for (size_t i = 0; i < 3; i++)
		share_print(each[i], &text[i]);
	log_event(EV_ASSIGNED, "topic=%s partitions=%zu kept=%s new=%s lost=%s",
	    m->topic, m->mine.n, text[0].data, text[1].data, text[2].data);
	for (size_t i = 0; i < 3; i++)
		buf_free(&text[i]);
}

static void tell_difference(struct membership *m, struct share *now)
{
	struct share kept = {0}, gained = {0}, lost = {0};
	share_compare(now, &m->mine, true, &kept);
	share_compare(now, &m->mine, false, &gained);
	share_compare(&m->mine, now, false, &lost);
	share_free(&m->mine);
	m->mine = *now;
	*now = (struct share){0};
	log_assigned(m, &kept, &gained, &lost);
	for (size_t i = 0; i < lost.n; i++)
		m->events->lost(m->arg, lost.at[i]);
	for (size_t i = 0; i < gained.n; i++)
		m->events->gained(m->arg, gained.at[i]);
	m->events->settled(m->arg);
	share_free(&kept);
	share_free(&gained);
	share_free(&lost);
}

/* The others share them already, and this member may join much later than they
 * do. If it went on until then, each of two owners would be fenced by the other
 * again and again. */
static void lose_all(struct membership *m)
{
	struct share former = m->mine;
	m->mine = (struct share){0};
	for (size_t i = 0; i < former.n; i++)
		m->events->lost(m->arg, former.at[i]);
	share_free(&former);
}

static void on_given(
    struct membership *m, const rd_kafka_topic_partition_list_t *list)
{
	struct share now = {0};
	size_t n = (size_t)list->cnt;
	int32_t *partitions = mem_alloc((n + 1) * sizeof *partitions);
	for (size_t i = 0; i < n; i++)
		partitions[i] = list->elems[i].partition;
	share_set(&now, partitions, n);
	free(partitions);
	rejoin_assigned(&m->rejoin, clock_mono());
	tell_difference(m, &now);
	share_free(&now);
}

static void on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t err,
    rd_kafka_topic_partition_list_t *list, void *opaque)
{
	struct membership *m = opaque;
	if (err == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
		answer_nothing(m);
		if (!m->closing)
			on_given(m, list);
		return;
	}
	bool lost = rd_kafka_assignment_lost(rk);
	if (session_lost(rk))
		rejoin_lost(&m->rejoin);
	answer_with(m, NULL);
	if (m->closing)
		return;
	log_event(EV_UNSETTLED, "topic=%s lost=%s", m->topic,
	    lost ? "true" : "false");
	m->events->unsettled(m->arg);
	if (lost)
		lose_all(m);
}

static void membership_on_error(
    rd_kafka_t *rk, int err, const char *reason, void *opaque)
{
	(void)rk;
	struct membership *m = opaque;
	log_event(EV_KAFKA_ERROR, "topic=%s code=%s text=%s", m->topic,
	    rd_kafka_err2name((rd_kafka_resp_err_t)err), log_quote(reason));
}

static int membership_on_stats(
    rd_kafka_t *rk, char *json, size_t len, void *opaque)
{
	(void)rk;
	struct membership *m = opaque;
	m->reachable = kafka_stats_reachable(json, len);
	return 0;
}

/* --- serving ------------------------------------------------------------- */

static void tell_fatal(struct membership *m, const struct err *e)
{
	if (!m->fatal)
		m->events->fatal(m->arg, e);
	m->fatal = true;
}

/* The handle cannot be used any more. librdkafka has one fatal error of a
 * consumer: it is fenced. */
static void on_fatal(struct membership *m)
{
	char text[256];
	rd_kafka_resp_err_t why =
	    rd_kafka_fatal_error(m->rk, text, sizeof text);
	struct err e =
	    err_make(ERR_KIND_FATAL, rd_kafka_err2name(why), "%s", text);
	if (why != RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID) {
		tell_fatal(m, &e);
		return;
	}
	if (rejoin_fenced(&m->rejoin, clock_mono(), m->session)) {
		m->renewing = true;
		return;
	}
	e = err_make(ERR_KIND_FATAL, "group.fenced",
	    "another process has the name '%s' in the group; give each process "
	    "a name of its own (the setting 'group.instance')",
	    m->instance ? m->instance : "");
	tell_fatal(m, &e);
}

/* Nothing is fetched, so there are errors only. */
static void membership_dispatch(struct membership *m, rd_kafka_message_t *msg)
{
	if (msg->err == RD_KAFKA_RESP_ERR__FATAL) {
		if (!m->renewing && !m->fatal)
			on_fatal(m);
	} else if (msg->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
		log_event(EV_KAFKA_ERROR, "topic=%s code=%s text=%s", m->topic,
		    rd_kafka_err2name(msg->err),
		    log_quote(rd_kafka_message_errstr(msg)));
	}
	rd_kafka_message_destroy(msg);
}

static void membership_renew(struct membership *m);

static void membership_serve(void *arg)
{
	struct membership *m = arg;
	while (!m->renewing) {
		rd_kafka_message_t *msg = rd_kafka_consumer_poll(m->rk, 0);
		if (msg == NULL)
			return;
		membership_dispatch(m, msg);
	}
	membership_renew(m);
}

/* --- life ---------------------------------------------------------------- */

static struct err subscribe(const struct membership *m, rd_kafka_t *rk)
{
	rd_kafka_topic_partition_list_t *list =
	    rd_kafka_topic_partition_list_new(1);
	rd_kafka_topic_partition_list_add(
	    list, m->topic, RD_KAFKA_PARTITION_UA);
	rd_kafka_resp_err_t err = rd_kafka_subscribe(rk, list);
	rd_kafka_topic_partition_list_destroy(list);
	if (err == RD_KAFKA_RESP_ERR_NO_ERROR)
		return ERR_OK;
	return err_make(ERR_KIND_FATAL, rd_kafka_err2name(err), "subscribe: %s",
	    rd_kafka_err2str(err));
}

static struct err membership_configure(
    struct membership *m, const struct membership_options *o)
{
	struct err e = consumer_conf_member(o, &m->conf);
	if (e.kind != ERR_KIND_OK)
		return e;
	rd_kafka_conf_set_opaque(m->conf, m);
	rd_kafka_conf_set_rebalance_cb(m->conf, on_rebalance);
	rd_kafka_conf_set_error_cb(m->conf, membership_on_error);
	rd_kafka_conf_set_stats_cb(m->conf, membership_on_stats);
	m->session = consumer_conf_session(m->conf);
	return ERR_OK;
}

/* Makes a handle, and watches it. If it fails, *m is as before. */
static struct err membership_open(struct membership *m)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_dup(m->conf);
	char text[256];
	rd_kafka_t *rk = kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof text);
	if (rk == NULL) {
		rd_kafka_conf_destroy(conf);
		return err_make(ERR_KIND_FATAL, "config", "%s", text);
	}
	rd_kafka_poll_set_consumer(rk);
	struct err e = subscribe(m, rk);
	if (e.kind != ERR_KIND_OK) {
		rd_kafka_destroy(rk);
		return e;
	}
	m->rk = rk;
	m->main = rd_kafka_queue_get_consumer(rk);
	kafka_poll_watch(m->poll, m->main);
	return ERR_OK;
}

struct err membership_new(
    const struct membership_options *o, struct membership **out)
{
	struct membership *m = MEM_NEW(struct membership);
	m->topic = mem_strdup(o->topic);
	if (o->instance && *o->instance)
		m->instance = mem_strdup(o->instance);
	m->events = o->events;
	m->arg = o->arg;
	m->rejoins = o->rejoins;
	m->poll = kafka_poll_new(o->loop, BEAT, membership_serve, m);
	struct err e = membership_configure(m, o);
	if (e.kind == ERR_KIND_OK)
		e = membership_open(m);
	*out = m;
	if (e.kind != ERR_KIND_OK)
		membership_free(out);
	return e;
}

bool membership_reachable(const struct membership *m)
{
	return m->reachable;
}

/* --- a handle that is fenced --------------------------------------------- */

static void *destroy_fenced(void *rk)
{
	/* It is not a member any more, and its callbacks must not come: their
	 * membership may be gone. */
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

/* What the owner has stays its own until the next assignment. */
static void membership_renew(struct membership *m)
{
	rd_kafka_t *former = m->rk;
	rd_kafka_queue_t *former_main = m->main;
	m->renewing = false;
	m->events->unsettled(m->arg);
	struct err e = membership_open(m);
	if (e.kind != ERR_KIND_OK) {
		tell_fatal(m, &e);
		return;
	}
	log_event(EV_REJOINS, "topic=%s name=%s", m->topic,
	    m->instance ? m->instance : "");
	if (m->rejoins)
		metric_add(m->rejoins, 1);
	unwatch_main(former_main);
	destroy_aside(former);
	kafka_poll_again(m->poll);
}

/* --- the end -------------------------------------------------------------- */

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
static void membership_leave(struct membership *m, mono_us_t end)
{
	if (m->instance == NULL || m->fatal || !is_member(m->rk))
		return;
	rd_kafka_unsubscribe(m->rk);
	while (is_member(m->rk) && clock_mono() < end) {
		rd_kafka_message_t *msg = rd_kafka_consumer_poll(m->rk, 10);
		if (msg)
			rd_kafka_message_destroy(msg);
	}
}

/* If the coordinator does not answer, librdkafka tries for five minutes to
 * leave the group. The handle is abandoned instead, because the process ends:
 * the group removes this member when its session is over. A fenced member
 * cannot be closed, and is not a member. */
static void membership_end(struct membership *m)
{
	mono_us_t until = clock_mono() + CLOSE;
	membership_leave(m, until);
	bool closed = kafka_close(m->rk, until);
	unwatch_main(m->main);
	if (closed)
		rd_kafka_destroy(m->rk);
	else if (!m->fatal)
		log_event(EV_KAFKA_ERROR, "topic=%s text=\"%s\"", m->topic,
		    "the group could not be left; the membership expires "
		    "instead");
}

void membership_free(struct membership **mp)
{
	struct membership *m = *mp;
	if (m == NULL)
		return;
	m->closing = true;
	if (m->rk)
		membership_end(m);
	if (m->conf)
		rd_kafka_conf_destroy(m->conf);
	kafka_poll_free(&m->poll);
	share_free(&m->mine);
	free(m->topic);
	free(m->instance);
	free(m);
	*mp = NULL;
}
