#include "common/kafka/producer.h"

#include "common/base/check.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/base/random.h"
#include "common/kafka/kafka_poll.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define BEAT CLOCK_MS(250)

/* Numbering and enqueueing are one step under one lock. Otherwise the numbers
 * would not ascend in log order. */
struct producer_partition {
	pthread_mutex_t lock;
	uint64_t seq; /* under lock */
};

struct producer {
	/* Senders hold it shared; a replacement holds it alone. */
	pthread_rwlock_t lock;
	rd_kafka_t *rk; /* under lock; never NULL */
	/* Under lock. Each handle has an instance of its own, because messages
	 * of the former handle may be written behind those of this one. */
	char instance[PRODUCER_INSTANCE_LEN + 1];
	producer_number number;
	struct producer_partition *parts; /* NULL: not numbered */
	int32_t nparts;
	rd_kafka_t *retired; /* loop's thread; polled until empty */
	rd_kafka_queue_t *main;
	struct kafka_config kafka;
	const char *in_flight; /* NULL: the default */
	char *topic;	       /* expected; NULL: none */
	producer_delivered delivered;
	producer_polled polled; /* NULL: nobody asks */
	void *arg;
	bool fatal; /* the current handle must be replaced */
	atomic_bool reachable;
	atomic_size_t outstanding; /* of the retired one, too */
	struct kafka_poll *poll;
};

static enum delivery_status producer_status_of(const rd_kafka_message_t *m)
{
	if (m->err == RD_KAFKA_RESP_ERR_NO_ERROR)
		return DELIVERY_OK;
	return rd_kafka_message_status(m) == RD_KAFKA_MSG_STATUS_NOT_PERSISTED
		   ? DELIVERY_FAILED
		   : DELIVERY_UNKNOWN;
}

static void on_delivery(
    rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
	(void)rk;
	struct producer *p = opaque;
	struct delivery d = {
	    .opaque = m->_private,
	    .partition = m->partition,
	    .offset = m->err ? -1 : m->offset,
	    .status = producer_status_of(m),
	    .code = rd_kafka_err2name(m->err),
	};
	/* Success without an offset: RD_KAFKA_OFFSET_INVALID (a duplicate that
	 * the broker recognised). Accepted, position unknown. */
	if (d.offset < 0)
		d.offset = -1;
	atomic_fetch_sub(&p->outstanding, 1);
	p->delivered(p->arg, &d);
}

static void producer_on_error(
    rd_kafka_t *rk, int err, const char *reason, void *opaque)
{
	struct producer *p = opaque;
	if (err != RD_KAFKA_RESP_ERR__FATAL) {
		log_event(EV_KAFKA_ERROR, "client=producer code=%s text=%s",
		    rd_kafka_err2name((rd_kafka_resp_err_t)err),
		    log_quote(reason));
		return;
	}
	char text[256];
	rd_kafka_resp_err_t why = rd_kafka_fatal_error(rk, text, sizeof text);
	log_event(EV_KAFKA_FATAL, "code=%s text=%s", rd_kafka_err2name(why),
	    log_quote(text));
	if (rk == p->rk)
		p->fatal = true;
}

static int producer_on_stats(
    rd_kafka_t *rk, char *json, size_t len, void *opaque)
{
	struct producer *p = opaque;
	if (rk == p->rk)
		atomic_store(&p->reachable, kafka_stats_reachable(json, len));
	return 0;
}

/* linger.ms: a message does not wait for others. Somebody waits for its report,
 * and a batch would hardly be fuller after a millisecond, since librdkafka
 * sends a request for each partition. (Less than a millisecond is no choice:
 * librdkafka rounds its sleep up.) A closed loop of 200-byte writes over HTTP
 * on two cores, appended by the API alone to 8 partitions:
 *
 *   connections            1      8      64     512
 *   linger 0: writes/s  4.3 k  9.9 k  21.7 k  25.8 k
 *             p50, ms    0.20   0.72    2.6     16
 *             per request   1    1.2    3.2    6.2
 *   linger 1: writes/s  0.6 k  3.7 k  21.2 k  36.6 k
 *             p50, ms     1.5    2.0    2.7     12
 *             per request   1    1.5    5.5   13.4
 *   linger 5: writes/s  0.2 k  1.3 k  10.2 k  37.8 k
 *
 * At 512 connections the broker takes 20 us of CPU time a write, and 12 with a
 * linger of 1 ms; if the writer and others want the cores, too, batches fill by
 * themselves (13.6 and 16.4 writes a request). The announcements of the writer,
 * 2 partitions, writes that wait for their commit:
 *
 *   connections            1      64     512
 *   linger 0: writes/s    325   5034   12283
 *             p50, ms     2.3     11      39
 *   linger 1: writes/s    258   4104    9074
 *             p50, ms     3.4     14      54
 */
static struct err producer_create(struct producer *p, rd_kafka_t **out)
{
	const char *const pairs[] = {"max.in.flight",
	    p->in_flight ? p->in_flight : "5", "enable.idempotence", "true",
	    "linger.ms", "0", "queue.buffering.max.messages", "200000",
	    "queue.buffering.max.kbytes", "262144", "delivery.timeout.ms",
	    "30000", "socket.timeout.ms", "10000",
	    /* As the topics that --migrate makes. */
	    "message.max.bytes", "16777216", "statistics.interval.ms", "1000",
	    NULL};
	rd_kafka_conf_t *conf;
	struct err e = kafka_conf(&p->kafka, pairs, &conf);
	if (e.kind != ERR_KIND_OK)
		return e;
	rd_kafka_conf_set_opaque(conf, p);
	rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
	rd_kafka_conf_set_error_cb(conf, producer_on_error);
	rd_kafka_conf_set_stats_cb(conf, producer_on_stats);
	char text[256];
	*out = kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
	if (*out)
		return ERR_OK;
	rd_kafka_conf_destroy(conf);
	return err_make(ERR_KIND_FATAL, "config", "%s", text);
}

void producer_expect(struct producer *p, const char *topic)
{
	free(p->topic);
	p->topic = mem_strdup(topic);
	kafka_expect(p->rk, topic);
}

static void make_instance(struct producer *p)
{
	snprintf(p->instance, sizeof p->instance, "%016llx",
	    (unsigned long long)random_bits());
}

static void watch_queue(struct producer *p)
{
	p->main = rd_kafka_queue_get_main(p->rk);
	kafka_poll_watch(p->poll, p->main);
}

/* The configuration was accepted before, so a failure comes from the machine
 * (threads, memory). The next beat tries again. */
static void producer_replace(struct producer *p)
{
	rd_kafka_t *fresh;
	struct err e = producer_create(p, &fresh);
	if (e.kind != ERR_KIND_OK) {
		log_event(EV_KAFKA_ERROR, "client=producer text=%s",
		    log_quote(e.msg));
		return;
	}
	if (p->topic)
		kafka_expect(fresh, p->topic);
	pthread_rwlock_wrlock(&p->lock);
	p->retired = p->rk;
	p->rk = fresh;
	make_instance(p);
	pthread_rwlock_unlock(&p->lock);
	p->fatal = false;
	kafka_poll_unwatch(p->main);
	rd_kafka_queue_destroy(p->main);
	watch_queue(p);
	/* Queued messages fail now: they are certainly not written. Messages in
	 * flight get their reports later. */
	rd_kafka_purge(p->retired, RD_KAFKA_PURGE_F_QUEUE);
}

static void say_polled(struct producer *p)
{
	if (p->polled)
		p->polled(p->arg);
}

static void producer_serve(void *arg)
{
	struct producer *p = arg;
	rd_kafka_poll(p->rk, 0);
	if (p->retired)
		rd_kafka_poll(p->retired, 0);
	say_polled(p);
	if (p->retired) {
		if (rd_kafka_outq_len(p->retired) == 0) {
			rd_kafka_destroy(p->retired);
			p->retired = NULL;
		}
	}
	if (p->fatal && p->retired == NULL)
		producer_replace(p);
}

static void make_parts(struct producer *p, int32_t n)
{
	p->nparts = n;
	p->parts = n ? mem_zalloc((size_t)n * sizeof *p->parts) : NULL;
	for (int32_t i = 0; i < n; i++)
		CHECK_OS(pthread_mutex_init(&p->parts[i].lock, NULL));
}

static void free_parts(struct producer *p)
{
	for (int32_t i = 0; i < p->nparts; i++)
		pthread_mutex_destroy(&p->parts[i].lock);
	free(p->parts);
}

struct err producer_new(const struct producer_options *o, struct producer **out)
{
	struct producer *p = MEM_NEW(struct producer);
	CHECK_OS(pthread_rwlock_init(&p->lock, NULL));
	p->kafka = *o->kafka;
	p->in_flight = o->in_flight;
	p->delivered = o->delivered;
	p->polled = o->polled;
	p->arg = o->arg;
	p->number = o->number;
	make_instance(p);
	struct err e = producer_create(p, &p->rk);
	*out = NULL;
	if (e.kind != ERR_KIND_OK) {
		pthread_rwlock_destroy(&p->lock);
		free(p);
		return e;
	}
	make_parts(p, o->numbered);
	p->poll = kafka_poll_new(o->loop, BEAT, producer_serve, p);
	watch_queue(p);
	*out = p;
	return ERR_OK;
}

static rd_kafka_error_t *producer_enqueue(
    struct producer *p, const struct produce *m)
{
	/* The cast: librdkafka copies (F_COPY) and does not write. */
	rd_kafka_vu_t vus[] = {
	    {.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = m->topic},
	    {.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = m->partition},
	    {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
	    {.vtype = RD_KAFKA_VTYPE_KEY,
		.u.mem = {(void *)(uintptr_t)m->key, m->key_len}},
	    {.vtype = RD_KAFKA_VTYPE_VALUE,
		.u.mem = {(void *)(uintptr_t)m->value, m->value_len}},
	    {.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = m->opaque},
	    {.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = m->headers},
	};
	size_t n = sizeof vus / sizeof vus[0] - (m->headers ? 0 : 1);
	return rd_kafka_produceva(p->rk, vus, n);
}

static rd_kafka_error_t *enqueue_numbered(
    struct producer *p, const struct produce *m)
{
	CHECK(m->headers && m->partition < p->nparts);
	struct producer_partition *part = &p->parts[m->partition];
	pthread_mutex_lock(&part->lock);
	p->number(m->headers, p->instance, part->seq + 1);
	rd_kafka_error_t *error = producer_enqueue(p, m);
	part->seq += error == NULL;
	pthread_mutex_unlock(&part->lock);
	return error;
}

struct err producer_send(struct producer *p, const struct produce *m)
{
	atomic_fetch_add(&p->outstanding, 1);
	pthread_rwlock_rdlock(&p->lock);
	rd_kafka_error_t *error =
	    p->parts ? enqueue_numbered(p, m) : producer_enqueue(p, m);
	pthread_rwlock_unlock(&p->lock);
	if (error == NULL)
		return ERR_OK;
	atomic_fetch_sub(&p->outstanding, 1);
	if (m->headers)
		rd_kafka_headers_destroy(m->headers);
	struct err e = err_make(ERR_KIND_RETRY, rd_kafka_error_name(error),
	    "%s", rd_kafka_error_string(error));
	rd_kafka_error_destroy(error);
	return e;
}

size_t producer_outstanding(struct producer *p)
{
	/* Not rd_kafka_outq_len: it counts errors and statistics, too. */
	return atomic_load(&p->outstanding);
}

bool producer_reachable(const struct producer *p)
{
	return atomic_load(&p->reachable);
}

static void producer_finish(rd_kafka_t *rk, int timeout_ms)
{
	rd_kafka_flush(rk, timeout_ms);
	rd_kafka_purge(rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
	rd_kafka_flush(rk, timeout_ms > 1000 ? timeout_ms : 1000);
	rd_kafka_destroy(rk);
}

void producer_free(struct producer **pp, dur_us_t timeout)
{
	struct producer *p = *pp;
	if (p == NULL)
		return;
	kafka_poll_unwatch(p->main);
	rd_kafka_queue_destroy(p->main);
	if (p->retired)
		producer_finish(p->retired, 0);
	producer_finish(p->rk, (int)(timeout / 1000));
	say_polled(p);
	kafka_poll_free(&p->poll);
	pthread_rwlock_destroy(&p->lock);
	free(p->topic);
	free_parts(p);
	free(p);
	*pp = NULL;
}
