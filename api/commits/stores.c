#include "api/commits/stores.h"

#include "api/commits/lag.h"
#include "api/commits/tail.h"
#include "api/core/instance.h"
#include "api/core/metrics.h"
#include "api/core/settings.h"
#include "common/base/check.h"
#include "common/base/mem.h"
#include "common/base/random.h"
#include "common/cache/l2.h"
#include "common/log/version.h"
#include "common/postgres/pg.h"
#include "common/postgres/pg_binary.h"
#include "common/redis/redis.h"
#include "common/sql/bookkeeping.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PERIOD CLOCK_S(1)
#define PERIOD_AT_START CLOCK_MS(100) /* so as to be healthy early */
#define INSTANCES "sluice:instances"

enum { NAME_LEN = 17, NUMBER_LEN = 24 };

static const struct stores_place unknown = {-1, -1};

struct stores {
	struct instance *instance;
	struct redis *redis;
	bool begun;		 /* Redis has answered once */
	struct pg *replica;	 /* NULL: none is configured */
	bool replica_has_tables; /* the migration has reached it */
	bool replica_asked;
	struct loop_timer *timer;
	char name[NAME_LEN]; /* of this instance, in the set */
	struct lag lag;
	pthread_mutex_t lock;
	struct stores_report report; /* under lock */
};

static int64_t reached(const struct stores *s, int32_t partition)
{
	return version_offset(tail_through(s->instance->tail, partition));
}

static int64_t stores_decided(const struct stores *s)
{
	int64_t sum = 0;
	for (int32_t i = 0; i < s->instance->partitions; i++)
		sum += reached(s, i);
	return sum;
}

/* How many writes of a partition a store lacks that is at this watermark. */
static int64_t lacks(const struct stores *s, int32_t partition, version_t mark)
{
	int64_t n = reached(s, partition) - version_offset(mark);
	return n > 0 ? n : 0;
}

static struct stores_place place_of(const struct stores *s, int64_t behind)
{
	return (struct stores_place){
	    behind, lag_of(&s->lag, clock_mono(), stores_decided(s) - behind)};
}

static void set_place(
    struct stores *s, struct stores_place *place, struct stores_place now)
{
	struct api_metrics *m = &s->instance->metrics[0];
	metric_set(place == &s->report.redis ? &m->redis_lag : &m->replica_lag,
	    now.lag > 0 ? now.lag : 0);
	CHECK_OS(pthread_mutex_lock(&s->lock));
	*place = now;
	CHECK_OS(pthread_mutex_unlock(&s->lock));
}

/* --- Redis ---------------------------------------------------------------- */

static void set_redis(struct stores *s, bool known, int64_t keys)
{
	/* Of each partition, three keys are not entries. */
	keys -= 3 * (int64_t)s->instance->partitions + 1;
	CHECK_OS(pthread_mutex_lock(&s->lock));
	s->report.redis_known = known;
	s->report.redis_keys = keys > 0 ? keys : 0;
	CHECK_OS(pthread_mutex_unlock(&s->lock));
}

static void on_size(void *arg, const redisReply *reply)
{
	struct stores *s = arg;
	bool known = reply && reply->type == REDIS_REPLY_INTEGER;
	s->begun = s->begun || known;
	set_redis(s, known, known ? reply->integer : 0);
}

/* A partition that no projector has begun has no watermark. */
static void on_watermarks(void *arg, const redisReply *reply)
{
	struct stores *s = arg;
	int64_t behind = 0;
	bool known = reply && reply->type == REDIS_REPLY_ARRAY &&
		     reply->elements == (size_t)s->instance->partitions;
	for (size_t i = 0; known && i < reply->elements; i++) {
		const redisReply *one = reply->element[i];
		struct l2_watermark mark = {0};
		if (one->type == REDIS_REPLY_STRING)
			known = l2_watermark_parse(one->str, one->len, &mark);
		else
			known = reached(s, (int32_t)i) <= 0;
		behind += lacks(s, (int32_t)i, mark.watermark);
	}
	set_place(s, &s->report.redis, known ? place_of(s, behind) : unknown);
}

static void ask_watermarks(struct stores *s)
{
	size_t n = (size_t)s->instance->partitions + 1;
	struct buf *keys = mem_zalloc(n * sizeof *keys);
	const char **argv = mem_zalloc(n * sizeof *argv);
	size_t *lens = mem_zalloc(n * sizeof *lens);
	buf_str(&keys[0], "MGET");
	for (size_t i = 1; i < n; i++)
		l2_watermark_key(&keys[i], (int32_t)i - 1);
	for (size_t i = 0; i < n; i++) {
		argv[i] = keys[i].data;
		lens[i] = keys[i].len;
	}
	if (!redis_submit(s->redis, (int)n, argv, lens, on_watermarks, s))
		on_watermarks(s, NULL);
	for (size_t i = 0; i < n; i++)
		buf_free(&keys[i]);
	free(lens);
	free(argv);
	free(keys);
}

/* Sends a command whose arguments are texts; the last one is NULL. */
static bool ask_redis(
    struct stores *s, redis_done done, const char *const *argv)
{
	size_t lens[8], n = 0;
	for (; argv[n]; n++)
		lens[n] = strlen(argv[n]);
	return redis_submit(s->redis, (int)n, argv, lens, done, s);
}

static void on_added(void *arg, const redisReply *reply)
{
	/* The answer to ZCARD shows whether it has worked. */
	(void)arg, (void)reply;
}

static void on_instances(void *arg, const redisReply *reply)
{
	struct stores *s = arg;
	bool known = reply && reply->type == REDIS_REPLY_INTEGER;
	CHECK_OS(pthread_mutex_lock(&s->lock));
	s->report.apis = known ? reply->integer : -1;
	CHECK_OS(pthread_mutex_unlock(&s->lock));
}

static void beat(struct stores *s)
{
	char now[NUMBER_LEN], gone[NUMBER_LEN];
	int64_t at = clock_wall() / CLOCK_S(1);
	snprintf(now, sizeof now, "%" PRId64, at);
	snprintf(gone, sizeof gone, "(%" PRId64, at - STORES_GONE_S);
	bool sent =
	    ask_redis(s, on_added,
		(const char *const[]){"ZADD", INSTANCES, now, s->name, NULL}) &&
	    ask_redis(s, on_added,
		(const char *const[]){
		    "ZREMRANGEBYSCORE", INSTANCES, "-inf", gone, NULL}) &&
	    ask_redis(s, on_instances,
		(const char *const[]){"ZCARD", INSTANCES, NULL});
	if (!sent)
		on_instances(s, NULL);
}

/* --- the replica ---------------------------------------------------------- */

static void on_progress(void *arg, const struct pg_reply *reply)
{
	struct stores *s = arg;
	const PGresult *r = reply->results ? reply->results[0] : NULL;
	int64_t behind = 0;
	int32_t found = 0;
	bool known = reply->err.kind == ERR_KIND_OK;
	s->replica_asked = false;
	for (int row = 0; known && row < PQntuples(r); row++) {
		int32_t p = pg_int4(r, row, 0);
		if (p < 0 || p >= s->instance->partitions)
			continue; /* of a larger log, before */
		behind += lacks(s, p, (version_t)pg_int8(r, row, 1));
		found++;
	}
	known = known && found == s->instance->partitions;
	set_place(s, &s->report.replica, known ? place_of(s, behind) : unknown);
}

/* A question for a table that is not there yet would leave an error in the
 * server's log. */
static void on_tables(void *arg, const struct pg_reply *reply)
{
	struct stores *s = arg;
	s->replica_asked = false;
	s->replica_has_tables = reply->err.kind == ERR_KIND_OK &&
				*PQgetvalue(reply->results[0], 0, 0);
}

static void ask_replica(struct stores *s)
{
	const struct pg_query q =
	    pg_statement_query(s->replica_has_tables ? &bookkeeping_progress
						     : &bookkeeping_migrated);
	pg_done done = s->replica_has_tables ? on_progress : on_tables;
	if (s->replica_asked)
		return;
	s->replica_asked = pg_submit(s->replica, &q, 1, done, s);
	if (!s->replica_asked)
		set_place(s, &s->report.replica, unknown);
}

static struct pg *open_replica(struct instance *instance)
{
	const struct api_settings *s = instance->settings;
	const struct pg_options o = {
	    .loop = instance->loop,
	    .name = "replica",
	    .url = s->replica_urls,
	    .session = "any",
	    .connect_timeout = CLOCK_S(3),
	    .query_timeout = s->pg_timeout,
	};
	return *s->replica_urls ? pg_new(&o) : NULL;
}

/* --- life ----------------------------------------------------------------- */

static void stores_on_timer(void *arg)
{
	struct stores *s = arg;
	lag_note(&s->lag, clock_mono(), stores_decided(s));
	if (!ask_redis(s, on_size, (const char *const[]){"DBSIZE", NULL}))
		set_redis(s, false, 0);
	ask_watermarks(s);
	beat(s);
	if (s->replica)
		ask_replica(s);
	loop_timer_start(s->timer, s->begun ? PERIOD : PERIOD_AT_START);
}

struct stores *stores_new(struct instance *instance)
{
	struct stores *s = MEM_NEW(struct stores);
	const struct redis_options redis = {
	    .loop = instance->loop,
	    .url = instance->settings->common.redis_url,
	    .tls = config_redis_tls(&instance->settings->common),
	    .timeout = CLOCK_MS(500),
	    .max_pending = 16,
	};
	s->instance = instance;
	s->report = (struct stores_report){
	    .redis = unknown, .replica = unknown, .apis = -1};
	snprintf(s->name, sizeof s->name, "%016" PRIx64, random_bits());
	CHECK_OS(pthread_mutex_init(&s->lock, NULL));
	s->redis = redis_new(&redis);
	s->replica = open_replica(instance);
	s->timer = loop_timer_new(instance->loop, stores_on_timer, s);
	loop_timer_start(s->timer, PERIOD_AT_START);
	return s;
}

struct stores_report stores_get(struct stores *s)
{
	CHECK_OS(pthread_mutex_lock(&s->lock));
	struct stores_report report = s->report;
	CHECK_OS(pthread_mutex_unlock(&s->lock));
	return report;
}

void stores_free(struct stores **sp)
{
	struct stores *s = *sp;
	if (s == NULL)
		return;
	redis_free(&s->redis);
	pg_free(&s->replica);
	loop_timer_free(&s->timer);
	pthread_mutex_destroy(&s->lock);
	free(s);
	*sp = NULL;
}
