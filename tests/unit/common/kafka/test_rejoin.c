/* Which fences are excused; and a consumer that is fenced. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/kafka/consumer.h"
#include "common/kafka/rejoin.h"

#include "tests/unit/mockkafka.h"

#include <string.h>

/* --- the rule --------------------------------------------------------------
 */

#define SESSION CLOCK_S(6)
#define NOW CLOCK_S(1000)

static void without_a_loss(void **state)
{
	(void)state;
	struct rejoin r = {0};
	assert_false(rejoin_fenced(&r, NOW, SESSION));
	rejoin_assigned(&r, NOW);
	assert_false(rejoin_fenced(&r, NOW, SESSION));
	assert_false(rejoin_fenced(&r, NOW + 1, SESSION));
}

/* However long the broker is away. */
static void before_it_is_back(void **state)
{
	(void)state;
	struct rejoin r = {0};
	rejoin_assigned(&r, NOW);
	rejoin_lost(&r);
	assert_true(rejoin_fenced(&r, NOW + 100 * SESSION, SESSION));
}

static void for_a_session(void **state)
{
	(void)state;
	struct rejoin r = {0};
	rejoin_lost(&r);
	rejoin_assigned(&r, NOW);
	struct rejoin again = r;
	assert_true(rejoin_fenced(&r, NOW + SESSION - 1, SESSION));
	assert_false(rejoin_fenced(&again, NOW + SESSION, SESSION));
}

/* Members come and go: the group assigns again and again. */
static void from_the_first_assignment(void **state)
{
	(void)state;
	struct rejoin r = {0};
	rejoin_lost(&r);
	for (int i = 0; i < 10; i++)
		rejoin_assigned(&r, NOW + i * SESSION / 8);
	assert_false(rejoin_fenced(&r, NOW + SESSION, SESSION));
}

static void once_a_loss(void **state)
{
	(void)state;
	struct rejoin r = {0};
	rejoin_lost(&r);
	assert_true(rejoin_fenced(&r, NOW, SESSION));
	rejoin_assigned(&r, NOW);
	assert_false(rejoin_fenced(&r, NOW + 1, SESSION));
	rejoin_lost(&r);
	rejoin_assigned(&r, NOW + 2);
	rejoin_lost(&r);
	rejoin_assigned(&r, NOW + SESSION);
	assert_true(rejoin_fenced(&r, NOW + SESSION + 2, SESSION));
	assert_false(rejoin_fenced(&r, NOW + SESSION + 2, SESSION));
}

/* --- a consumer ----------------------------------------------------------- */

/* The mock cluster lets a new member wait for 3 s, without heartbeats. */
enum { PARTITIONS = 3, HEARTBEAT = 12, DEADLINE_S = 60, SESSION_S = 4 };

static rd_kafka_t *host, *sender;
static rd_kafka_mock_cluster_t *cluster;
static struct loop *loop;

/* What the consumer was told. */
static struct {
	struct consumer *consumer;
	int assigned, revoked, fatals;
	size_t mine, heard;
	bool reachable;
	struct err fatal;
	metric_t rejoins;
} told;

static void on_assigned(void *arg, const int32_t *partitions, size_t n)
{
	(void)arg;
	struct consumer_start starts[PARTITIONS];
	assert_true(n <= PARTITIONS);
	for (size_t i = 0; i < n; i++)
		starts[i] = (struct consumer_start){partitions[i], 0};
	told.assigned++;
	told.mine = n;
	told.heard = 0;
	consumer_assign(told.consumer, starts, n);
}

static void on_revoked(void *arg)
{
	(void)arg;
	told.revoked++;
	told.mine = 0;
}

static void on_message(void *arg, rd_kafka_message_t *m)
{
	(void)arg;
	assert_true(told.mine > 0);
	told.heard++;
	rd_kafka_message_destroy(m);
}

static void on_fault(void *arg, int32_t partition, struct err e)
{
	(void)arg;
	(void)partition;
	(void)e;
}

static void on_reachable(void *arg, bool yes)
{
	(void)arg;
	told.reachable = yes;
}

static void on_fatal(void *arg, const struct err *e)
{
	(void)arg;
	told.fatals++;
	told.fatal = *e;
}

static const struct consumer_events events = {on_assigned, on_revoked,
    on_message, NULL, on_fault, on_reachable, on_fatal};

#define RUN_UNTIL(condition)                                                   \
	do {                                                                   \
		mono_us_t end = clock_mono() + CLOCK_S(DEADLINE_S);            \
		while (!(condition)) {                                         \
			assert_true(clock_mono() < end);                       \
			uv_run(loop_uv(loop), UV_RUN_ONCE);                    \
		}                                                              \
	} while (0)

static void start(void)
{
	struct kafka_config kafka = {
	    .servers = rd_kafka_mock_cluster_bootstraps(cluster),
	    .client_id = "test",
	};
	const struct consumer_options options = {
	    .loop = loop,
	    .kafka = &kafka,
	    .topic = "t",
	    .group = "g",
	    .instance = "blue",
	    .session = CLOCK_S(SESSION_S),
	    .rejoins = &told.rejoins,
	    .events = &events,
	};
	memset(&told, 0, sizeof told);
	struct err e = consumer_new(&options, &told.consumer);
	assert_int_equal(e.kind, ERR_KIND_OK);
}

static int setup(void **state)
{
	(void)state;
	host = mockkafka_client(NULL);
	cluster = rd_kafka_mock_cluster_new(host, 1);
	assert_int_equal(
	    rd_kafka_mock_topic_create(cluster, "t", PARTITIONS, 1), 0);
	sender = mockkafka_client(cluster);
	loop = loop_new();
	mockkafka_put(sender, "t", 5);
	start();
	RUN_UNTIL(told.mine == PARTITIONS && told.heard == 5 && told.reachable);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	consumer_free(&told.consumer);
	loop_free(&loop);
	rd_kafka_destroy(sender);
	rd_kafka_mock_cluster_destroy(cluster);
	rd_kafka_destroy(host);
	return 0;
}

/* The answer to the next heartbeat. */
static void fence(void)
{
	rd_kafka_mock_push_request_errors(
	    cluster, HEARTBEAT, 1, RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID);
}

/* The broker is away until the session is lost. */
static void lose_session(void)
{
	rd_kafka_mock_broker_set_down(cluster, 1);
	RUN_UNTIL(told.revoked == 1);
	rd_kafka_mock_broker_set_up(cluster, 1);
	RUN_UNTIL(told.assigned == 2 && told.mine == PARTITIONS);
}

static void ends_when_fenced(void)
{
	fence();
	RUN_UNTIL(told.fatals == 1);
	assert_int_equal(told.fatal.kind, ERR_KIND_FATAL);
	assert_string_equal(told.fatal.code, "group.fenced");
	assert_non_null(strstr(told.fatal.msg, "'blue'"));
}

static void fenced_by_another(void **state)
{
	(void)state;
	ends_when_fenced();
	assert_int_equal(told.rejoins, 0);
}

static void lost_then_fenced(void **state)
{
	(void)state;
	lose_session();
	fence();
	RUN_UNTIL(told.assigned == 3 && told.mine == PARTITIONS);
	assert_int_equal(told.revoked, 2);
	assert_int_equal(told.fatals, 0);
	assert_int_equal(told.rejoins, 1);
	RUN_UNTIL(told.heard == 5);
	mockkafka_put(sender, "t", 5);
	RUN_UNTIL(told.heard == 10);
	ends_when_fenced();
	assert_int_equal(told.rejoins, 1);
}

static void fenced_long_after_a_loss(void **state)
{
	(void)state;
	lose_session();
	mono_us_t steady = clock_mono() + CLOCK_S(SESSION_S);
	RUN_UNTIL(clock_mono() > steady);
	ends_when_fenced();
	assert_int_equal(told.rejoins, 0);
}

/* While the former handle is still being destroyed. */
static void lost_then_freed(void **state)
{
	(void)state;
	lose_session();
	fence();
	RUN_UNTIL(told.rejoins == 1);
	assert_int_equal(told.mine, 0);
	assert_int_equal(told.fatals, 0);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(int argc, char **argv)
{
	mockkafka_choose(argc, argv);
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(without_a_loss),
	    cmocka_unit_test(before_it_is_back),
	    cmocka_unit_test(for_a_session),
	    cmocka_unit_test(from_the_first_assignment),
	    cmocka_unit_test(once_a_loss),
	    TEST(fenced_by_another),
	    TEST(lost_then_fenced),
	    TEST(fenced_long_after_a_loss),
	    TEST(lost_then_freed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
