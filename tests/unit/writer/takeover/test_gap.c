/* A gap whose end the log does not hold, for now. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/postgres/pg_pool.h"
#include "writer/commits/announce.h"
#include "writer/core/statements.h"
#include "writer/decide/judges.h"
#include "writer/rejections/orders.h"
#include "writer/takeover/gap.h"

#include "tests/unit/mockkafka.h"

#include <string.h>

enum { DEADLINE_S = 60 };

static rd_kafka_t *host, *sender;
static rd_kafka_mock_cluster_t *cluster;
static struct writer_settings settings;
static struct context x;
static struct gap *gap;
static int dones;
static bool complete;

static void on_done(void *arg, bool is_complete)
{
	(void)arg;
	dones++;
	complete = is_complete;
}

static void on_announced(
    void *arg, int32_t partition, uint64_t owner, bool delivered)
{
	(void)arg;
	(void)partition;
	(void)owner;
	(void)delivered;
}

static int setup(void **state)
{
	(void)state;
	host = mockkafka_client(NULL);
	cluster = rd_kafka_mock_cluster_new(host, 1);
	assert_int_equal(
	    rd_kafka_mock_topic_create(cluster, "writes", 1, 1), 0);
	assert_int_equal(
	    rd_kafka_mock_topic_create(cluster, "commits", 1, 1), 0);
	const char *servers = rd_kafka_mock_cluster_bootstraps(cluster);
	sender = mockkafka_client(cluster);
	dones = 0;
	settings = (struct writer_settings){
	    .common = {.partitions = 1, .document_max = 1 << 20}};
	settings.common.writes_topic = "writes";
	x = (struct context){.loop = loop_new(), .settings = &settings};
	x.kafka = (struct kafka_config){.servers = servers, .client_id = "t"};
	x.statements = statements_new();
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
	struct err e = announcer_new(&(struct announcer_options){.loop = x.loop,
					 .kafka = &x.kafka,
					 .topic = "commits",
					 .partitions = 1,
					 .done = on_announced},
	    &x.announcer);
	assert_int_equal(e.kind, ERR_KIND_OK);
	e = gap_new(&x, on_done, NULL, &gap);
	assert_int_equal(e.kind, ERR_KIND_OK);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	gap_free(&gap);
	pg_pool_free(&x.pool);
	announcer_free(&x.announcer, 0);
	statements_free(&x.statements);
	loop_free(&x.loop);
	rd_kafka_destroy(sender);
	rd_kafka_mock_cluster_destroy(cluster);
	rd_kafka_destroy(host);
	return 0;
}

/* A leader that is new does not give out yet what it has: what was not read is
 * not to be passed over. */
static void the_log_ends_before_it(void **state)
{
	(void)state;
	mockkafka_put(sender, "writes", 3);
	gap_announce(gap, 0, 0, 5);
	mono_us_t end = clock_mono() + CLOCK_S(DEADLINE_S);
	while (dones == 0) {
		assert_true(clock_mono() < end);
		uv_run(loop_uv(x.loop), UV_RUN_ONCE);
	}
	assert_false(complete);
	assert_int_equal(announcer_outstanding(x.announcer), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		the_log_ends_before_it, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
