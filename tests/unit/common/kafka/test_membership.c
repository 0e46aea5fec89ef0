/* Members of a group against the mock cluster. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/kafka/membership.h"

#include "tests/unit/mockkafka.h"

#include <string.h>

/* The mock cluster lets a new member wait for 3 s, without heartbeats. */
enum { PARTITIONS = 3, HEARTBEAT = 12, DEADLINE_S = 60, SESSION_S = 4 };

static rd_kafka_t *host;
static rd_kafka_mock_cluster_t *cluster;
static struct loop *loop;

/* What one member was told. */
struct member {
	struct membership *membership;
	bool mine[PARTITIONS];
	size_t n;
	int lost, gained, settled, unsettled, fatals;
	bool steady;
	struct err fatal;
	metric_t rejoins;
};

static struct member one, two;

static void on_lost(void *arg, int32_t partition)
{
	struct member *m = arg;
	assert_true(m->mine[partition]);
	m->mine[partition] = false;
	m->n--;
	m->lost++;
}

static void on_gained(void *arg, int32_t partition)
{
	struct member *m = arg;
	assert_true(partition >= 0 && partition < PARTITIONS);
	assert_false(m->mine[partition]);
	m->mine[partition] = true;
	m->n++;
	m->gained++;
}

static void on_settled(void *arg)
{
	struct member *m = arg;
	m->settled++;
	m->steady = true;
}

static void on_unsettled(void *arg)
{
	struct member *m = arg;
	m->unsettled++;
	m->steady = false;
}

static void on_fatal(void *arg, const struct err *e)
{
	struct member *m = arg;
	m->fatals++;
	m->fatal = *e;
}

static const struct membership_events events = {
    on_lost, on_gained, on_settled, on_unsettled, on_fatal};

#define RUN_UNTIL(condition)                                                   \
	do {                                                                   \
		mono_us_t end = clock_mono() + CLOCK_S(DEADLINE_S);            \
		while (!(condition)) {                                         \
			assert_true(clock_mono() < end);                       \
			uv_run(loop_uv(loop), UV_RUN_ONCE);                    \
		}                                                              \
	} while (0)

static struct err make(
    struct member *m, const char *instance, const char *name, const char *value)
{
	struct kafka_property extra[] = {
	    {(char *)(uintptr_t)name, (char *)(uintptr_t)value, false}};
	struct kafka_config kafka = {
	    .servers = rd_kafka_mock_cluster_bootstraps(cluster),
	    .extra = extra,
	    .nextra = name ? 1 : 0,
	    .client_id = "test",
	};
	const struct membership_options options = {
	    .loop = loop,
	    .kafka = &kafka,
	    .topic = "t",
	    .group = "g",
	    .instance = instance,
	    .session = CLOCK_S(SESSION_S),
	    .rejoins = &m->rejoins,
	    .events = &events,
	    .arg = m,
	};
	memset(m, 0, sizeof *m);
	return membership_new(&options, &m->membership);
}

static void start(struct member *m, const char *instance)
{
	struct err e = make(m, instance, NULL, NULL);
	assert_int_equal(e.kind, ERR_KIND_OK);
}

static int setup_cluster(void **state)
{
	(void)state;
	host = mockkafka_client(NULL);
	cluster = rd_kafka_mock_cluster_new(host, 1);
	assert_int_equal(
	    rd_kafka_mock_topic_create(cluster, "t", PARTITIONS, 1), 0);
	loop = loop_new();
	return 0;
}

static int setup(void **state)
{
	setup_cluster(state);
	start(&one, "blue");
	RUN_UNTIL(one.n == PARTITIONS && membership_reachable(one.membership));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	membership_free(&one.membership);
	membership_free(&two.membership);
	assert_null(one.membership);
	loop_free(&loop);
	rd_kafka_mock_cluster_destroy(cluster);
	rd_kafka_destroy(host);
	return 0;
}

static void alone(void **state)
{
	(void)state;
	assert_int_equal(one.settled, 1);
	assert_int_equal(one.gained, PARTITIONS);
	assert_int_equal(one.unsettled + one.lost + one.fatals, 0);
}

/* Each partition has one owner, and those that stay are never mentioned. */
static void shared(void **state)
{
	(void)state;
	start(&two, NULL);
	RUN_UNTIL(two.n > 0 && one.n + two.n == PARTITIONS && one.steady);
	for (int32_t p = 0; p < PARTITIONS; p++)
		assert_true(one.mine[p] != two.mine[p]);
	assert_true(one.unsettled >= 1);
	assert_int_equal(one.gained, PARTITIONS);
	assert_int_equal(one.lost, two.n);
	int told = two.lost + two.unsettled;
	membership_free(&two.membership);
	assert_int_equal(two.lost + two.unsettled, told); /* no callback */
	RUN_UNTIL(one.n == PARTITIONS && one.steady);
	assert_int_equal(one.lost, two.n);
	assert_int_equal(one.gained, PARTITIONS + two.n);
}

static void refused_settings(void **state)
{
	(void)state;
	struct err e = make(&one, NULL, "no.such.property", "1");
	assert_int_equal(e.kind, ERR_KIND_FATAL);
	assert_non_null(strstr(e.msg, "kafka.no.such.property"));
	assert_null(one.membership);
	/* Refused only when the handle is made. */
	e = make(&one, NULL, "max.poll.interval.ms", "1");
	assert_int_equal(e.kind, ERR_KIND_FATAL);
	assert_null(one.membership);
}

/* --- fences --------------------------------------------------------------- */

/* The answer to the next heartbeat. */
static void fence(void)
{
	rd_kafka_mock_push_request_errors(
	    cluster, HEARTBEAT, 1, RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID);
}

/* The broker is away until the session is lost. Others may have the partitions.
 */
static void lose_session(void)
{
	rd_kafka_mock_broker_set_down(cluster, 1);
	RUN_UNTIL(one.unsettled == 1);
	assert_int_equal(one.lost, PARTITIONS);
	assert_int_equal(one.n, 0);
	rd_kafka_mock_broker_set_up(cluster, 1);
	RUN_UNTIL(one.settled == 2);
	assert_int_equal(one.n, PARTITIONS);
}

static void ends_when_fenced(void)
{
	fence();
	RUN_UNTIL(one.fatals == 1);
	assert_int_equal(one.fatal.kind, ERR_KIND_FATAL);
	assert_string_equal(one.fatal.code, "group.fenced");
	assert_non_null(strstr(one.fatal.msg, "'blue'"));
}

static void fenced_by_another(void **state)
{
	(void)state;
	ends_when_fenced();
	assert_int_equal(one.rejoins, 0);
}

static void lost_then_fenced(void **state)
{
	(void)state;
	lose_session();
	fence();
	RUN_UNTIL(one.settled == 3);
	assert_int_equal(one.rejoins, 1);
	assert_true(one.unsettled >= 2);
	assert_int_equal(one.fatals, 0);
	/* Not lost by the fence. */
	assert_int_equal(one.lost, PARTITIONS);
	assert_int_equal(one.gained, 2 * PARTITIONS);
	ends_when_fenced();
	assert_int_equal(one.rejoins, 1);
}

static void fenced_long_after_a_loss(void **state)
{
	(void)state;
	lose_session();
	mono_us_t steady = clock_mono() + CLOCK_S(SESSION_S);
	RUN_UNTIL(clock_mono() > steady);
	ends_when_fenced();
	assert_int_equal(one.rejoins, 0);
}

/* While the former handle is still being destroyed. */
static void lost_then_freed(void **state)
{
	(void)state;
	lose_session();
	fence();
	RUN_UNTIL(one.rejoins == 1);
	assert_false(one.steady);
	assert_int_equal(one.fatals, 0);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(int argc, char **argv)
{
	mockkafka_choose(argc, argv);
	const struct CMUnitTest tests[] = {
	    TEST(alone),
	    TEST(shared),
	    cmocka_unit_test_setup_teardown(
		refused_settings, setup_cluster, teardown),
	    TEST(fenced_by_another),
	    TEST(lost_then_fenced),
	    TEST(fenced_long_after_a_loss),
	    TEST(lost_then_freed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
