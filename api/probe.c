#include "api/probe.h"

#include "common/check.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/redis.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum {
	PERIOD_US = 1000000,
	KAFKA_MS = 1000, /* per question */
	RATE_POINTS = 5, /* seconds that the rate is taken over */
};

struct point {
	mono_us_t at;
	int64_t decided;
};

struct probe {
	struct app *app;
	rd_kafka_t *rk;
	struct redis *redis;
	struct loop_timer *timer;
	uv_work_t work;
	bool working;
	void (*stopped)(void *arg);
	void *stopped_arg;
	/* Written by the work, read after it. */
	bool answered;
	bool member;
	int64_t *ends; /* per partition of sluice.writes */
	struct point points[RATE_POINTS];
	unsigned next_point;
	pthread_mutex_t lock;
	struct probe_report report; /* under lock */
};

/* --- on the thread pool -------------------------------------------------- */

static bool ask_ends(struct probe *p)
{
	const char *topic = p->app->settings->common.writes_topic;
	for (int32_t i = 0; i < p->app->partitions; i++) {
		int64_t low, high;
		rd_kafka_resp_err_t err = rd_kafka_query_watermark_offsets(
		    p->rk, topic, i, &low, &high, KAFKA_MS);
		if (err != RD_KAFKA_RESP_ERR_NO_ERROR)
			return false;
		p->ends[i] = high;
	}
	return true;
}

static bool ask_group(struct probe *p)
{
	const struct rd_kafka_group_list *list = NULL;
	rd_kafka_resp_err_t err = rd_kafka_list_groups(
	    p->rk, p->app->settings->writer_group, &list, KAFKA_MS);
	if (err != RD_KAFKA_RESP_ERR_NO_ERROR || list == NULL)
		return false;
	p->member = false;
	for (int i = 0; i < list->group_cnt; i++)
		p->member = p->member || list->groups[i].member_cnt > 0;
	rd_kafka_group_list_destroy(list);
	return true;
}

static void ask(uv_work_t *work)
{
	struct probe *p = work->data;
	p->answered = ask_ends(p) && ask_group(p);
}

/* --- on the main loop ---------------------------------------------------- */

static int64_t backlog(const struct probe *p)
{
	int64_t sum = 0;
	for (int32_t i = 0; i < p->app->partitions; i++) {
		int64_t waiting =
		    p->ends[i] - version_offset(tail_through(p->app->tail, i));
		sum += waiting > 0 ? waiting : 0;
	}
	return sum;
}

static int64_t decided(const struct probe *p)
{
	int64_t sum = 0;
	for (int32_t i = 0; i < p->app->partitions; i++)
		sum += version_offset(tail_through(p->app->tail, i));
	return sum;
}

static double rate(struct probe *p, int64_t now_decided)
{
	struct point now = {clock_mono(), now_decided};
	struct point old = p->points[p->next_point % RATE_POINTS];
	p->points[p->next_point++ % RATE_POINTS] = now;
	if (old.at == 0 || now.at <= old.at)
		return 0;
	return (double)(now.decided - old.decided) * 1e6 /
	       (double)(now.at - old.at);
}

static void finish(struct probe *p);

static void asked(uv_work_t *work, int status)
{
	(void)status;
	struct probe *p = work->data;
	p->working = false;
	int64_t n = decided(p);
	double per_s = rate(p, n);
	pthread_mutex_lock(&p->lock);
	p->report.known = p->answered;
	p->report.decided = n;
	p->report.decided_per_s = per_s;
	if (p->answered) {
		p->report.backlog = backlog(p);
		p->report.writer_active = p->member;
		metric_set(&p->app->metrics[0].backlog, p->report.backlog);
	}
	pthread_mutex_unlock(&p->lock);
	if (p->stopped)
		finish(p);
	else
		loop_timer_start(p->timer, PERIOD_US);
}

static void set_redis(struct probe *p, bool known, int64_t keys)
{
	/* Three keys of every partition are not entries. */
	keys -= 3 * (int64_t)p->app->partitions;
	pthread_mutex_lock(&p->lock);
	p->report.redis_known = known;
	p->report.redis_keys = keys > 0 ? keys : 0;
	pthread_mutex_unlock(&p->lock);
}

static void on_size(void *arg, const redisReply *reply)
{
	struct probe *p = arg;
	bool known = reply && reply->type == REDIS_REPLY_INTEGER;
	set_redis(p, known, known ? reply->integer : 0);
}

static void on_timer(void *arg)
{
	struct probe *p = arg;
	static const char *const argv[] = {"DBSIZE"};
	static const size_t lens[] = {6};
	if (!redis_submit(p->redis, 1, argv, lens, on_size, p))
		set_redis(p, false, 0);
	p->working = true;
	CHECK_OS(uv_queue_work(loop_uv(p->app->loop), &p->work, ask, asked));
}

/* --- life ---------------------------------------------------------------- */

static struct err create(struct probe *p)
{
	/* KAFKA_MS is not all: a question that was sent is waited for. */
	static const char *const pairs[] = {"socket.timeout.ms", "1000", NULL};
	rd_kafka_conf_t *conf;
	struct err e = kafka_conf(&p->app->kafka, pairs, &conf);
	if (e.verdict != VERDICT_OK)
		return e;
	char text[256];
	p->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
	if (p->rk)
		return ERR_OK;
	rd_kafka_conf_destroy(conf);
	return err_make(VERDICT_FATAL, "config", "%s", text);
}

struct err probe_new(struct app *app, struct probe **out)
{
	struct probe *p = MEM_NEW(struct probe);
	p->app = app;
	struct err e = create(p);
	*out = NULL;
	if (e.verdict != VERDICT_OK) {
		free(p);
		return e;
	}
	const struct redis_options redis = {
	    .loop = app->loop,
	    .url = app->settings->common.redis_url,
	    .timeout = CLOCK_MS(500),
	    .max_pending = 16,
	};
	p->redis = redis_new(&redis);
	p->ends = mem_zalloc((size_t)app->partitions * sizeof *p->ends);
	CHECK_OS(pthread_mutex_init(&p->lock, NULL));
	p->work.data = p;
	p->timer = loop_timer_new(app->loop, on_timer, p);
	loop_timer_start(p->timer, CLOCK_MS(100));
	*out = p;
	return ERR_OK;
}

struct probe_report probe_get(struct probe *p)
{
	pthread_mutex_lock(&p->lock);
	struct probe_report report = p->report;
	pthread_mutex_unlock(&p->lock);
	return report;
}

static void finish(struct probe *p)
{
	p->stopped(p->stopped_arg);
}

void probe_stop(struct probe *p, void (*stopped)(void *arg), void *arg)
{
	p->stopped = stopped;
	p->stopped_arg = arg;
	loop_timer_stop(p->timer);
	if (!p->working)
		loop_post(p->app->loop, stopped, arg);
}

void probe_free(struct probe **pp)
{
	struct probe *p = *pp;
	if (p == NULL)
		return;
	CHECK(!p->working);
	redis_free(&p->redis);
	loop_timer_free(&p->timer);
	rd_kafka_destroy(p->rk);
	pthread_mutex_destroy(&p->lock);
	free(p->ends);
	free(p);
	*pp = NULL;
}
