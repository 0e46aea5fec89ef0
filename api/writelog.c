#include "api/writelog.h"

#include "common/check.h"
#include "common/entropy.h"
#include "common/mem.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Numbering and enqueueing are one step, or the numbers would not ascend in
 * log order. */
struct lane {
	pthread_mutex_t lock;
	uint64_t seq; /* under lock */
};

struct writelog {
	struct producer *producer;
	char *topic;
	char instance[RECORD_INSTANCE_LEN + 1];
	int32_t partitions;
	struct lane lanes[];
};

/* Made by the asking thread, filled on the producer's, freed by the asking
 * one. */
struct append {
	struct loop *loop;
	append_done done; /* asking thread only; NULL: abandoned */
	void *arg;
	struct delivery delivery;
};

static void deliver(void *arg)
{
	struct append *a = arg;
	if (a->done)
		a->done(a->arg, &a->delivery);
	free(a);
}

static void on_delivered(void *arg, const struct delivery *d)
{
	(void)arg;
	struct append *a = d->opaque;
	a->delivery = *d;
	loop_post(a->loop, deliver, a);
}

static void make_instance(char out[RECORD_INSTANCE_LEN + 1])
{
	uint64_t bits = entropy_bits();
	snprintf(
	    out, RECORD_INSTANCE_LEN + 1, "%016llx", (unsigned long long)bits);
}

struct err writelog_new(const struct writelog_options *o, struct writelog **out)
{
	size_t n = (size_t)o->partitions;
	struct writelog *w = mem_zalloc(sizeof *w + n * sizeof(struct lane));
	w->topic = mem_strdup(o->topic);
	w->partitions = o->partitions;
	make_instance(w->instance);
	for (size_t i = 0; i < n; i++)
		CHECK_OS(pthread_mutex_init(&w->lanes[i].lock, NULL));
	const struct producer_options p = {
	    .loop = o->loop,
	    .kafka = o->kafka,
	    .delivered = on_delivered,
	    .arg = w,
	};
	struct err e = producer_new(&p, &w->producer);
	*out = w;
	if (e.verdict == VERDICT_OK)
		producer_expect(w->producer, w->topic);
	else
		writelog_free(out, 0);
	return e;
}

static struct err enqueue(struct writelog *w, const struct append_request *r,
    struct append *a, uint64_t seq)
{
	struct record_write record = {
	    .op = r->op,
	    .accepted_at = clock_wall(),
	    .seq = seq,
	};
	memcpy(record.instance, w->instance, sizeof record.instance);
	const struct produce p = {
	    .topic = w->topic,
	    .partition = r->partition,
	    .key = r->id,
	    .key_len = r->id_len,
	    .value = r->op == RECORD_DELETE ? NULL : r->body,
	    .value_len = r->op == RECORD_DELETE ? 0 : r->body_len,
	    .headers = record_write_headers(&record, r->traceparent),
	    .opaque = a,
	};
	return producer_send(w->producer, &p);
}

struct err writelog_append(
    struct writelog *w, const struct append_request *r, struct append **out)
{
	struct append *a = MEM_NEW(struct append);
	*a = (struct append){.loop = r->loop, .done = r->done, .arg = r->arg};
	struct lane *lane = &w->lanes[r->partition];
	pthread_mutex_lock(&lane->lock);
	struct err e = enqueue(w, r, a, lane->seq + 1);
	if (e.verdict == VERDICT_OK)
		lane->seq++;
	pthread_mutex_unlock(&lane->lock);
	*out = a;
	if (e.verdict != VERDICT_OK) {
		free(a);
		*out = NULL;
	}
	return e;
}

void writelog_abandon(struct append *a)
{
	a->done = NULL;
}

bool writelog_up(const struct writelog *w)
{
	return producer_reachable(w->producer);
}

size_t writelog_outstanding(struct writelog *w)
{
	return producer_outstanding(w->producer);
}

void writelog_free(struct writelog **wp, dur_us_t timeout)
{
	struct writelog *w = *wp;
	if (w == NULL)
		return;
	producer_free(&w->producer, timeout);
	for (int32_t i = 0; i < w->partitions; i++)
		pthread_mutex_destroy(&w->lanes[i].lock);
	free(w->topic);
	free(w);
	*wp = NULL;
}
