/* The owner, the thread and an answer on its way each hold a reference. */
#include "common/kafka/writes_query.h"

#include "common/base/check.h"
#include "common/base/mem.h"

#include <pthread.h>
#include <stdlib.h>

/* The time limit of a question, as far as librdkafka respects it. After a late
 * answer librdkafka drops the connection. A broker that has just started is
 * slow, so a shorter limit would delay its first answer even more. */
#define ASK_MS 3000
#define ASK_MS_TEXT "3000"

struct writes_query {
	struct loop *loop;
	rd_kafka_t *rk;
	char *topic, *groups[WRITES_QUERY_GROUPS];
	int32_t partitions;
	void (*done)(void *arg, const struct writes_query_answer *answer);
	void *arg;
	bool busy; /* the loop's: true from a question to its answer */
	pthread_t thread;
	pthread_cond_t wake;
	pthread_mutex_t lock;
	unsigned refs; /* under lock, from here on */
	bool asked;
	bool ended; /* the owner is gone */
	/* The thread's while `asked`, else the loop's. */
	struct writes_query_answer answer;
	int64_t *ends;
};

static void writes_query_unref(struct writes_query *a)
{
	CHECK_OS(pthread_mutex_lock(&a->lock));
	bool last = --a->refs == 0;
	CHECK_OS(pthread_mutex_unlock(&a->lock));
	if (!last)
		return;
	rd_kafka_destroy(a->rk);
	pthread_cond_destroy(&a->wake);
	pthread_mutex_destroy(&a->lock);
	free(a->topic);
	for (int i = 0; i < WRITES_QUERY_GROUPS; i++)
		free(a->groups[i]);
	free(a->ends);
	free(a);
}

/* --- on the thread ------------------------------------------------------- */

static bool writes_query_ask_ends(struct writes_query *a)
{
	for (int32_t i = 0; i < a->partitions; i++) {
		int64_t low;
		if (rd_kafka_query_watermark_offsets(a->rk, a->topic, i, &low,
			&a->ends[i], ASK_MS) != RD_KAFKA_RESP_ERR_NO_ERROR)
			return false;
	}
	return true;
}

/* A group that does not exist has no member. -1: the broker does not say. */
static int writes_query_members(struct writes_query *a, const char *group)
{
	const struct rd_kafka_group_list *list = NULL;
	int members = 0;
	if (group == NULL)
		return -1;
	rd_kafka_resp_err_t err =
	    rd_kafka_list_groups(a->rk, group, &list, ASK_MS);
	if (err != RD_KAFKA_RESP_ERR_NO_ERROR || list == NULL)
		return -1;
	for (int i = 0; i < list->group_cnt; i++)
		members += list->groups[i].member_cnt;
	rd_kafka_group_list_destroy(list);
	return members;
}

/* If the ends are not known, Kafka does not answer: the groups are not asked
 * for, so that the answer is not late. */
static void writes_query_find(struct writes_query *a)
{
	a->answer.known = writes_query_ask_ends(a);
	for (int i = 0; i < WRITES_QUERY_GROUPS; i++)
		a->answer.members[i] =
		    a->answer.known ? writes_query_members(a, a->groups[i])
				    : -1;
}

static void writes_query_deliver(void *arg)
{
	struct writes_query *a = arg;
	CHECK_OS(pthread_mutex_lock(&a->lock));
	bool ended = a->ended;
	CHECK_OS(pthread_mutex_unlock(&a->lock));
	if (!ended) {
		a->busy = false;
		a->done(a->arg, &a->answer);
	}
	writes_query_unref(a);
}

/* Waits for a question. False: there will be none. Locked. */
static bool next_question(struct writes_query *a)
{
	while (!a->asked && !a->ended)
		CHECK_OS(pthread_cond_wait(&a->wake, &a->lock));
	return !a->ended;
}

static void *writes_query_thread_main(void *arg)
{
	struct writes_query *a = arg;
	CHECK_OS(pthread_mutex_lock(&a->lock));
	while (next_question(a)) {
		CHECK_OS(pthread_mutex_unlock(&a->lock));
		writes_query_find(a);
		CHECK_OS(pthread_mutex_lock(&a->lock));
		a->asked = false;
		if (a->ended)
			break;
		a->refs++;
		/* Under the lock: the loop lives as long as the owner does. */
		loop_post(a->loop, writes_query_deliver, a);
	}
	CHECK_OS(pthread_mutex_unlock(&a->lock));
	writes_query_unref(a);
	return NULL;
}

/* --- the owner's --------------------------------------------------------- */

struct err writes_query_new(
    const struct writes_query_options *o, struct writes_query **out)
{
	static const char *const pairs[] = {
	    "socket.timeout.ms", ASK_MS_TEXT, NULL};
	rd_kafka_t *rk;
	*out = NULL;
	struct err e = kafka_plain(o->kafka, RD_KAFKA_PRODUCER, pairs, &rk);
	if (e.kind != ERR_KIND_OK)
		return e;
	struct writes_query *a = MEM_NEW(struct writes_query);
	a->loop = o->loop;
	a->rk = rk;
	a->topic = mem_strdup(o->topic);
	for (int i = 0; i < WRITES_QUERY_GROUPS; i++)
		a->groups[i] = o->groups[i] ? mem_strdup(o->groups[i]) : NULL;
	a->partitions = o->partitions;
	a->done = o->done;
	a->arg = o->arg;
	a->ends = mem_zalloc((size_t)o->partitions * sizeof *a->ends);
	a->answer.ends = a->ends;
	a->refs = 2;
	CHECK_OS(pthread_mutex_init(&a->lock, NULL));
	CHECK_OS(pthread_cond_init(&a->wake, NULL));
	CHECK_OS(pthread_create(&a->thread, NULL, writes_query_thread_main, a));
	*out = a;
	return ERR_OK;
}

bool writes_query_ask(struct writes_query *a)
{
	if (a->busy)
		return false;
	a->busy = true;
	CHECK_OS(pthread_mutex_lock(&a->lock));
	a->asked = true;
	CHECK_OS(pthread_cond_signal(&a->wake));
	CHECK_OS(pthread_mutex_unlock(&a->lock));
	return true;
}

void writes_query_free(struct writes_query **ap)
{
	struct writes_query *a = *ap;
	if (a == NULL)
		return;
	*ap = NULL;
	CHECK_OS(pthread_mutex_lock(&a->lock));
	bool waits = a->asked;
	a->ended = true;
	CHECK_OS(pthread_cond_signal(&a->wake));
	CHECK_OS(pthread_mutex_unlock(&a->lock));
	if (waits)
		CHECK_OS(pthread_detach(a->thread));
	else
		CHECK_OS(pthread_join(a->thread, NULL));
	writes_query_unref(a);
}
