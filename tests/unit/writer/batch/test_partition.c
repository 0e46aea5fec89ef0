/* A partition that is taken again, while what it announced before is still on
 * its way. The announcements have a mock cluster of their own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/postgres/pg_pool.h"
#include "writer/batch/partition.h"
#include "writer/batch/scheduler.h"
#include "writer/commits/announce.h"
#include "writer/core/statements.h"
#include "writer/decide/judges.h"
#include "writer/rejections/orders.h"

#include "tests/unit/mockkafka.h"

#include <string.h>

enum { ROWS = 2, DEADLINE_S = 60 };

struct mock {
	rd_kafka_t *host;
	rd_kafka_mock_cluster_t *cluster;
};

static struct mock writes, commits;
static struct writer_settings settings;
static struct context x;
static struct consumer *consumer;
static struct partition *p;
static int announced_n;

static void on_announced(
    void *arg, int32_t partition, uint64_t owner, bool delivered)
{
	(void)arg;
	(void)partition;
	announced_n++;
	partition_announced(p, owner, delivered);
}

static void on_message(void *arg, rd_kafka_message_t *m)
{
	(void)arg;
	partition_message(p, m);
}

static void on_fault(void *arg, int32_t partition, struct err e)
{
	(void)arg;
	(void)partition;
	fail_msg("%s", e.msg);
}

static struct scheduler *scheduler;

static void on_settled(void *arg)
{
	(void)arg;
}

static void on_ready(void *arg)
{
	(void)arg;
	scheduler_kick(scheduler);
}

static void on_retake(void *arg, struct partition *again)
{
	(void)arg;
	(void)again;
}

static struct mock mock_new(const char *topic)
{
	rd_kafka_t *host = mockkafka_client(NULL);
	rd_kafka_mock_cluster_t *cluster = rd_kafka_mock_cluster_new(host, 1);
	assert_int_equal(rd_kafka_mock_topic_create(cluster, topic, 1, 1), 0);
	return (struct mock){host, cluster};
}

static void mock_free(struct mock *m)
{
	rd_kafka_mock_cluster_destroy(m->cluster);
	rd_kafka_destroy(m->host);
}

static struct kafka_config config_of(const struct mock *m)
{
	return (struct kafka_config){
	    .servers = rd_kafka_mock_cluster_bootstraps(m->cluster),
	    .client_id = "test",
	};
}

static int setup(void **state)
{
	(void)state;
	static const struct consumer_events events = {
	    .message = on_message, .fault = on_fault};
	writes = mock_new("writes");
	commits = mock_new("commits");
	announced_n = 0;
	settings = (struct writer_settings){
	    .connections = 1,
	    .batch_rows = ROWS,
	    .batch_bytes = 1 << 20,
	    .common = {.partitions = 1, .document_max = 1 << 20},
	};
	x = (struct context){.loop = loop_new(), .settings = &settings};
	x.kafka = config_of(&writes);
	x.statements = statements_new();
	x.orders = orders_new(&x);
	x.judges = judges_new();
	x.pool = pg_pool_new(&(struct pg_pool_options){
	    .min = 1,
	    .max = 1,
	    .connection = {.loop = x.loop,
		.name = "primary",
		.url = "postgresql://127.0.0.1:1/nobody",
		.session = "read-write",
		.connect_timeout = CLOCK_S(5),
		.query_timeout = CLOCK_S(60)},
	});
	struct kafka_config kafka = config_of(&commits);
	struct err e = announcer_new(&(struct announcer_options){.loop = x.loop,
					 .kafka = &kafka,
					 .topic = "commits",
					 .partitions = 1,
					 .done = on_announced},
	    &x.announcer);
	assert_int_equal(e.kind, ERR_KIND_OK);
	e = consumer_new(&(struct consumer_options){.loop = x.loop,
			     .kafka = &x.kafka,
			     .topic = "writes",
			     .split = true,
			     .events = &events},
	    &consumer);
	assert_int_equal(e.kind, ERR_KIND_OK);
	p = partition_new(&(struct partition_options){
	    .x = &x, .retake = on_retake, .ready = on_ready});
	scheduler = scheduler_new(&x, &p, 1, on_settled, NULL);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	partition_free(&p);
	pg_pool_free(&x.pool);
	scheduler_free(&scheduler);
	consumer_free(&consumer);
	announcer_free(&x.announcer, 0);
	orders_free(&x.orders);
	judges_free(&x.judges);
	statements_free(&x.statements);
	loop_free(&x.loop);
	mock_free(&commits);
	mock_free(&writes);
	return 0;
}

#define RUN_UNTIL(condition)                                                   \
	do {                                                                   \
		mono_us_t end = clock_mono() + CLOCK_S(DEADLINE_S);            \
		while (!(condition)) {                                         \
			assert_true(clock_mono() < end);                       \
			uv_run(loop_uv(x.loop), UV_RUN_ONCE);                  \
		}                                                              \
	} while (0)

static void take(void)
{
	struct taken taken = {0};
	assert_int_equal(partition_state(p), PARTITION_TAKING);
	partition_start(p, consumer, &taken);
}

static void take_it_again(void)
{
	partition_fault(p);
	assert_int_equal(partition_state(p), PARTITION_BACKOFF);
	RUN_UNTIL(partition_state(p) == PARTITION_TAKING);
}

static void announce(uint64_t owner, int records)
{
	struct announcement *n = announce_begin(x.announcer, 0, owner);
	struct record_mark mark = {0};
	for (int i = 0; i < records; i++)
		announce_record(
		    n, &(struct record_commit){
			   .op = RECORD_DELETE, .id = "c/k", .id_len = 3});
	announce_mark(n, &mark);
}

static void put(int n)
{
	rd_kafka_t *rk = mockkafka_client(writes.cluster);
	mockkafka_put(rk, "writes", n);
	rd_kafka_destroy(rk);
}

/* It is paused, so that no other message tells it to look again. */
static void goes_on_when_what_it_announced_before_is_delivered(void **state)
{
	(void)state;
	rd_kafka_mock_broker_set_down(commits.cluster, 1);
	take();
	announce(x.incarnations, 2 * ROWS);
	take_it_again();
	take();
	put(2 * ROWS);
	consumer_add(consumer, &(struct consumer_start){0, 0});
	RUN_UNTIL(partition_next_offset(p) == 2 * ROWS);
	assert_true(partition_paused(p));
	assert_int_equal(partition_state(p), PARTITION_FILLING);
	struct partition_offer offer;
	assert_false(partition_offers(p, clock_mono(), &offer));
	rd_kafka_mock_broker_set_up(commits.cluster, 1);
	RUN_UNTIL(announced_n == 1);
	assert_int_equal(announcer_outstanding(x.announcer), 0);
	RUN_UNTIL(partition_state(p) == PARTITION_APPLYING);
}

/* What it announced before, too, but that is the takeover's to announce. */
static void is_taken_again_when_a_gap_is_not_announced(void **state)
{
	(void)state;
	take();
	uint64_t before = x.incarnations;
	take_it_again();
	partition_announced(p, ANNOUNCE_GAP, false);
	partition_announced(p, before, false);
	take();
	assert_int_equal(partition_state(p), PARTITION_BACKOFF);
	RUN_UNTIL(partition_state(p) == PARTITION_TAKING);
	take();
	assert_int_equal(partition_state(p), PARTITION_FILLING);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(goes_on_when_what_it_announced_before_is_delivered),
	    TEST(is_taken_again_when_a_gap_is_not_announced),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
