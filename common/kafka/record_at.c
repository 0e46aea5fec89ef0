#include "common/kafka/record_at.h"

#include "common/base/check.h"
#include "common/base/mem.h"

#include <pthread.h>
#include <stdlib.h>

enum { MOST = 256 }; /* questions that wait */

struct record_question {
	struct record_question *next;
	struct record_at *reader;
	struct loop *loop;
	int32_t partition;
	int64_t offset;
	void (*done)(
	    void *arg, enum record_found found, const rd_kafka_message_t *m);
	void *arg;
	/* Under the reader's lock until it is posted, then the loop's. */
	bool abandoned;
	enum record_found found;
	rd_kafka_message_t *message; /* owned */
};

struct record_at {
	rd_kafka_t *rk;
	rd_kafka_topic_t *topic;
	dur_us_t timeout;
	pthread_t thread;
	pthread_cond_t wake;
	pthread_mutex_t lock;
	/* Under the lock. */
	struct record_question *first, **last;
	size_t n;
	bool ended;
};

static void record_question_free(struct record_question *q)
{
	if (q->message)
		rd_kafka_message_destroy(q->message);
	free(q);
}

/* --- on the thread ------------------------------------------------------- */

/* True: *q has its answer. */
static bool record_at_take(struct record_question *q, rd_kafka_message_t *m)
{
	if (m == NULL)
		return false;
	if (m->err == RD_KAFKA_RESP_ERR_NO_ERROR && m->offset == q->offset) {
		q->found = RECORD_FOUND;
		q->message = m;
		return true;
	}
	/* A record behind it, the end, or an offset out of range. */
	bool gone = m->err == RD_KAFKA_RESP_ERR_NO_ERROR ||
		    m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF ||
		    m->err == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE ||
		    m->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET;
	rd_kafka_message_destroy(m);
	if (gone)
		q->found = RECORD_GONE;
	return gone;
}

static void record_at_read(struct record_at *r, struct record_question *q)
{
	mono_us_t until = clock_mono() + r->timeout;
	if (rd_kafka_consume_start(r->topic, q->partition, q->offset) == -1)
		return;
	for (mono_us_t now = clock_mono(); now < until; now = clock_mono()) {
		if (record_at_take(q, rd_kafka_consume(r->topic, q->partition,
					  (int)((until - now) / 1000) + 1)))
			break;
	}
	rd_kafka_consume_stop(r->topic, q->partition);
}

static void record_at_deliver(void *arg)
{
	struct record_question *q = arg;
	if (!q->abandoned)
		q->done(q->arg, q->found, q->message);
	record_question_free(q);
}

/* Under the lock: the loop lives as long as nobody has abandoned the question.
 */
static void record_at_post(struct record_question *q)
{
	if (q->abandoned)
		record_question_free(q);
	else
		loop_post(q->loop, record_at_deliver, q);
}

static struct record_question *record_at_next(struct record_at *r)
{
	while (r->first == NULL && !r->ended)
		CHECK_OS(pthread_cond_wait(&r->wake, &r->lock));
	if (r->ended)
		return NULL;
	struct record_question *q = r->first;
	r->first = q->next;
	if (r->first == NULL)
		r->last = &r->first;
	r->n--;
	return q;
}

static void *record_at_main(void *arg)
{
	struct record_at *r = arg;
	struct record_question *q;
	CHECK_OS(pthread_mutex_lock(&r->lock));
	while ((q = record_at_next(r))) {
		/* Whoever has left must not hold up the others. */
		if (!q->abandoned) {
			CHECK_OS(pthread_mutex_unlock(&r->lock));
			record_at_read(r, q);
			CHECK_OS(pthread_mutex_lock(&r->lock));
		}
		record_at_post(q);
	}
	CHECK_OS(pthread_mutex_unlock(&r->lock));
	return NULL;
}

/* --- the owner's --------------------------------------------------------- */

struct err record_at_new(
    const struct record_at_options *o, struct record_at **out)
{
	static const char *const pairs[] = {"auto.offset.reset", "error",
	    "enable.partition.eof", "true", "enable.auto.commit", "false",
	    "group.id", "sluice-record-at", "queued.min.messages", "1",
	    "fetch.wait.max.ms", "20", NULL};
	rd_kafka_t *rk;
	*out = NULL;
	struct err e = kafka_plain(o->kafka, RD_KAFKA_CONSUMER, pairs, &rk);
	if (e.kind != ERR_KIND_OK)
		return e;
	struct record_at *r = MEM_NEW(struct record_at);
	r->rk = rk;
	r->topic = rd_kafka_topic_new(rk, o->topic, NULL);
	CHECK(r->topic != NULL);
	r->timeout = o->timeout;
	r->last = &r->first;
	CHECK_OS(pthread_mutex_init(&r->lock, NULL));
	CHECK_OS(pthread_cond_init(&r->wake, NULL));
	CHECK_OS(pthread_create(&r->thread, NULL, record_at_main, r));
	*out = r;
	return ERR_OK;
}

struct record_question *record_at_ask(struct record_at *r, struct loop *loop,
    int32_t partition, int64_t offset,
    void (*done)(
	void *arg, enum record_found found, const rd_kafka_message_t *m),
    void *arg)
{
	struct record_question *q = MEM_NEW(struct record_question);
	*q = (struct record_question){.reader = r,
	    .loop = loop,
	    .partition = partition,
	    .offset = offset,
	    .done = done,
	    .arg = arg,
	    .found = RECORD_NO_WORD};
	CHECK_OS(pthread_mutex_lock(&r->lock));
	bool room = r->n < MOST;
	if (room) {
		*r->last = q;
		r->last = &q->next;
		r->n++;
		CHECK_OS(pthread_cond_signal(&r->wake));
	}
	CHECK_OS(pthread_mutex_unlock(&r->lock));
	if (room)
		return q;
	free(q);
	return NULL;
}

void record_at_abandon(struct record_question **qp)
{
	struct record_question *q = *qp;
	*qp = NULL;
	if (q == NULL)
		return;
	struct record_at *r = q->reader;
	CHECK_OS(pthread_mutex_lock(&r->lock));
	q->abandoned = true;
	CHECK_OS(pthread_mutex_unlock(&r->lock));
}

void record_at_free(struct record_at **rp)
{
	struct record_at *r = *rp;
	if (r == NULL)
		return;
	*rp = NULL;
	CHECK_OS(pthread_mutex_lock(&r->lock));
	r->ended = true;
	CHECK_OS(pthread_cond_signal(&r->wake));
	CHECK_OS(pthread_mutex_unlock(&r->lock));
	CHECK_OS(pthread_join(r->thread, NULL));
	while (r->first) {
		struct record_question *q = r->first;
		r->first = q->next;
		record_question_free(q);
	}
	rd_kafka_topic_destroy(r->topic);
	rd_kafka_destroy(r->rk);
	pthread_cond_destroy(&r->wake);
	pthread_mutex_destroy(&r->lock);
	free(r);
}
