/* The consumer against the mock cluster. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/kafka/consumer.h"

#include "tests/unit/mockkafka.h"

#include <stdlib.h>
#include <string.h>

enum { PARTITIONS = 3, DEADLINE_S = 60 };

static rd_kafka_t *host, *sender;
static rd_kafka_mock_cluster_t *cluster;
static struct loop *loop;

/* What one consumer was told. */
struct owner {
	struct consumer *consumer;
	size_t got[PARTITIONS];
	int64_t next[PARTITIONS]; /* the next offset; -1: any */
	int eofs[PARTITIONS];
	int64_t ends[PARTITIONS];
	int faults;
	struct err fault;
	int32_t fault_partition;
	bool mine[PARTITIONS];
	bool reachable;
	int changes;
	/* Called for each message, after it was counted. */
	void (*hook)(struct owner *o, int32_t partition);
};

static struct owner one;

static void on_message(void *arg, rd_kafka_message_t *m)
{
	struct owner *o = arg;
	int32_t p = m->partition;
	int64_t offset = m->offset;
	rd_kafka_message_destroy(m);
	assert_true(o->mine[p]);
	if (o->next[p] >= 0)
		assert_int_equal(offset, o->next[p]);
	o->next[p] = offset + 1;
	o->got[p]++;
	if (o->hook)
		o->hook(o, p);
}

static void on_eof(void *arg, int32_t partition, int64_t end)
{
	struct owner *o = arg;
	o->eofs[partition]++;
	o->ends[partition] = end;
}

static void on_fault(void *arg, int32_t partition, struct err e)
{
	struct owner *o = arg;
	o->faults++;
	o->fault = e;
	o->fault_partition = partition;
}

static void on_reachable(void *arg, bool yes)
{
	struct owner *o = arg;
	assert_true(o->reachable != yes);
	o->reachable = yes;
	o->changes++;
}

static const struct consumer_events all_events = {
    on_message, on_eof, on_fault, on_reachable};
static const struct consumer_events few_events = {
    on_message, NULL, on_fault, NULL};

static struct err make(struct owner *o, bool split,
    const struct consumer_events *events, const char *name, const char *value)
{
	struct kafka_property extra[] = {
	    {(char *)(uintptr_t)name, (char *)(uintptr_t)value, false}};
	struct kafka_config kafka = {
	    .servers = rd_kafka_mock_cluster_bootstraps(cluster),
	    .extra = extra,
	    .nextra = name ? 1 : 0,
	    .client_id = "test",
	};
	const struct consumer_options options = {
	    .loop = loop,
	    .kafka = &kafka,
	    .topic = "t",
	    .split = split,
	    .events = events,
	    .arg = o,
	};
	return consumer_new(&options, &o->consumer);
}

static void start_as(struct owner *o, bool split)
{
	struct err e = make(o, split, &all_events, NULL, NULL);
	assert_int_equal(e.kind, ERR_KIND_OK);
	assert_non_null(o->consumer);
}

static void start(struct owner *o)
{
	start_as(o, false);
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
	one = (struct owner){0};
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	consumer_free(&one.consumer);
	assert_null(one.consumer);
	loop_free(&loop);
	rd_kafka_destroy(sender);
	rd_kafka_mock_cluster_destroy(cluster);
	rd_kafka_destroy(host);
	return 0;
}

static void put(int32_t partition, int n)
{
	for (int i = 0; i < n; i++) {
		rd_kafka_resp_err_t err = rd_kafka_producev(sender,
		    RD_KAFKA_V_TOPIC("t"), RD_KAFKA_V_PARTITION(partition),
		    RD_KAFKA_V_VALUE("v", 1), RD_KAFKA_V_END);
		assert_int_equal(err, 0);
	}
	assert_int_equal(rd_kafka_flush(sender, DEADLINE_S * 1000), 0);
}

#define RUN_UNTIL(condition)                                                   \
	do {                                                                   \
		mono_us_t end = clock_mono() + CLOCK_S(DEADLINE_S);            \
		while (!(condition)) {                                         \
			assert_true(clock_mono() < end);                       \
			uv_run(loop_uv(loop), UV_RUN_ONCE);                    \
		}                                                              \
	} while (0)

/* --- by hand ---------------------------------------------------------------
 */

static void by_hand(void **state)
{
	(void)state;
	put(0, 10);
	put(1, 5);
	start(&one);
	one.mine[0] = one.mine[1] = true;
	one.next[0] = 4;
	const struct consumer_start starts[] = {
	    {0, 4}, {1, RD_KAFKA_OFFSET_BEGINNING}};
	consumer_assign(one.consumer, starts, 2);
	RUN_UNTIL(one.eofs[0] && one.eofs[1]);
	assert_int_equal(one.next[0], 10);
	assert_int_equal(one.next[1], 5);
	int before = one.eofs[1];
	put(1, 1);
	RUN_UNTIL(one.got[1] == 6 && one.eofs[1] > before);
	assert_int_equal(one.ends[0], 10);
	assert_int_equal(one.ends[1], 6);
	assert_int_equal(one.got[0], 6);
	assert_int_equal(one.got[2], 0);
	assert_int_equal(one.faults, 0);
}

static void from_the_tail(void **state)
{
	(void)state;
	put(0, 10);
	start(&one);
	one.mine[0] = true;
	one.next[0] = 7;
	consumer_assign(one.consumer,
	    &(struct consumer_start){0, RD_KAFKA_OFFSET_TAIL(3)}, 1);
	RUN_UNTIL(one.eofs[0]);
	assert_int_equal(one.got[0], 3);
	assert_int_equal(one.next[0], 10);
}

static void switch_to_one(struct owner *o, int32_t partition)
{
	if (partition == 1)
		return;
	o->mine[0] = false; /* on_message minds */
	o->mine[1] = true;
	consumer_assign(o->consumer, &(struct consumer_start){1, 0}, 1);
}

/* From inside a message: none of the former assignment comes any more. */
static void replaced_by_hand(void **state)
{
	(void)state;
	put(0, 3000);
	put(1, 5);
	start(&one);
	one.mine[0] = true;
	one.hook = switch_to_one;
	consumer_assign(one.consumer, &(struct consumer_start){0, 0}, 1);
	RUN_UNTIL(one.eofs[1]);
	assert_int_equal(one.got[0], 1);
	assert_int_equal(one.got[1], 5);
	/* And back, to another offset. */
	one.hook = NULL;
	one.mine[1] = false;
	one.mine[0] = true;
	one.next[0] = 2990;
	consumer_assign(one.consumer, &(struct consumer_start){0, 2990}, 1);
	RUN_UNTIL(one.eofs[0]);
	assert_int_equal(one.got[0], 11);
}

static void nothing_assigned(void **state)
{
	(void)state;
	put(0, 3);
	start(&one);
	one.mine[0] = true;
	consumer_assign(one.consumer, &(struct consumer_start){0, 0}, 1);
	RUN_UNTIL(one.eofs[0]);
	consumer_assign(one.consumer, NULL, 0);
	put(0, 3);
	consumer_assign(one.consumer, &(struct consumer_start){0, 3}, 1);
	RUN_UNTIL(one.got[0] == 6);
}

static void from_more_than_there_is(void **state)
{
	(void)state;
	put(0, 10);
	start(&one);
	one.mine[0] = one.mine[1] = true;
	const struct consumer_start starts[] = {
	    {0, RD_KAFKA_OFFSET_TAIL(64)}, {1, RD_KAFKA_OFFSET_TAIL(64)}};
	consumer_assign(one.consumer, starts, 2);
	RUN_UNTIL(one.eofs[0] && one.eofs[1]);
	assert_int_equal(one.got[0], 10);
	assert_int_equal(one.ends[0], 10);
	assert_int_equal(one.ends[1], 0);
	assert_int_equal(one.faults, 0);
}

/* As fast as one can, between turns of the loop and within one: librdkafka
 * aborts when it is not given the time to stop what it started. */
static void replaced_again_and_again(void **state)
{
	(void)state;
	const struct consumer_start starts[] = {{0, 1}, {1, 1}, {2, 1}};
	for (int32_t p = 0; p < PARTITIONS; p++)
		put(p, 3);
	start(&one);
	one.mine[0] = one.mine[1] = one.mine[2] = true;
	for (int i = 0; i < 300; i++) {
		one.next[0] = one.next[1] = one.next[2] = 1;
		consumer_assign(one.consumer, starts, 3);
		if (i % 7 == 0)
			consumer_assign(one.consumer, NULL, 0);
		if (i % 3 == 0)
			uv_run(loop_uv(loop), UV_RUN_NOWAIT);
	}
	one.next[0] = one.next[1] = one.next[2] = 1;
	memset(one.got, 0, sizeof one.got);
	consumer_assign(one.consumer, starts, 3);
	RUN_UNTIL(one.got[0] == 2 && one.got[1] == 2 && one.got[2] == 2);
}

/* The offset is not in the log: it is for the owner to say what then. */
static void lost_offset(void **state)
{
	(void)state;
	put(0, 3);
	put(1, 3);
	start(&one);
	one.mine[1] = true;
	const struct consumer_start starts[] = {{0, 1000}, {1, 0}};
	consumer_assign(one.consumer, starts, 2);
	RUN_UNTIL(one.faults && one.eofs[1]);
	assert_int_equal(one.fault_partition, 0);
	assert_int_equal(one.fault.kind, ERR_KIND_RETRY);
	assert_string_equal(one.fault.code, "_AUTO_OFFSET_RESET");
	assert_true(consumer_is_gone(&one.fault));
	assert_int_equal(one.got[0], 0);
	assert_int_equal(one.got[1], 3);
}

/* More was fetched than was served. */
static void freed_with_messages_waiting(void **state)
{
	(void)state;
	put(0, 3000);
	put(1, 3000);
	start(&one);
	one.mine[0] = one.mine[1] = true;
	const struct consumer_start starts[] = {{0, 0}, {1, 0}};
	consumer_assign(one.consumer, starts, 2);
	RUN_UNTIL(one.got[0] || one.got[1]);
	size_t before = one.got[0] + one.got[1];
	consumer_free(&one.consumer);
	assert_null(one.consumer);
	assert_int_equal(one.got[0] + one.got[1], before);
}

static void reachability(void **state)
{
	(void)state;
	put(0, 1);
	start(&one);
	assert_false(consumer_reachable(one.consumer));
	one.mine[0] = true;
	consumer_assign(one.consumer, &(struct consumer_start){0, 0}, 1);
	RUN_UNTIL(one.reachable);
	assert_true(consumer_reachable(one.consumer));
	assert_int_equal(rd_kafka_mock_broker_set_down(cluster, 1), 0);
	RUN_UNTIL(!one.reachable);
	assert_false(consumer_reachable(one.consumer));
	assert_int_equal(rd_kafka_mock_broker_set_up(cluster, 1), 0);
	RUN_UNTIL(one.reachable);
	assert_true(one.changes >= 3);
}

static void down_from_the_start(void **state)
{
	(void)state;
	assert_int_equal(rd_kafka_mock_broker_set_down(cluster, 1), 0);
	start(&one);
	one.mine[0] = true;
	consumer_assign(one.consumer, &(struct consumer_start){0, 0}, 1);
	/* More than two statistics. */
	mono_us_t later = clock_mono() + CLOCK_MS(2500);
	RUN_UNTIL(clock_mono() > later);
	assert_int_equal(one.changes, 0);
	assert_int_equal(rd_kafka_mock_broker_set_up(cluster, 1), 0);
	RUN_UNTIL(one.reachable);
}

static void without_eof_and_reachable(void **state)
{
	(void)state;
	put(0, 2);
	struct err e = make(&one, false, &few_events, NULL, NULL);
	assert_int_equal(e.kind, ERR_KIND_OK);
	one.mine[0] = true;
	consumer_assign(one.consumer, &(struct consumer_start){0, 0}, 1);
	RUN_UNTIL(one.got[0] == 2 && consumer_reachable(one.consumer));
	assert_int_equal(one.eofs[0], 0);
}

static void refused_settings(void **state)
{
	(void)state;
	struct err e = make(&one, false, &all_events, "no.such.property", "1");
	assert_int_equal(e.kind, ERR_KIND_FATAL);
	assert_non_null(strstr(e.msg, "kafka.no.such.property"));
	assert_null(one.consumer);
	/* Refused only when the handle is made. */
	e = make(&one, false, &all_events, "max.poll.interval.ms", "1");
	assert_int_equal(e.kind, ERR_KIND_FATAL);
	assert_null(one.consumer);
}

/* --- split -----------------------------------------------------------------
 */

static void add(int32_t partition, int64_t offset)
{
	one.mine[partition] = true; /* on_message minds */
	one.next[partition] = offset;
	consumer_add(one.consumer, &(struct consumer_start){partition, offset});
}

static void drop(int32_t partition)
{
	one.mine[partition] = false;
	consumer_remove(one.consumer, partition);
}

static void pause_at_100(struct owner *o, int32_t partition)
{
	if (partition == 1 && o->got[1] == 100)
		consumer_pause(o->consumer, 1);
}

/* Others go on; nothing of the paused one comes, however much was fetched; on
 * resume it goes on where it stood. */
static void one_is_paused(void **state)
{
	(void)state;
	put(1, 3000);
	put(0, 10);
	one.hook = pause_at_100;
	start_as(&one, true);
	for (int32_t p = 0; p < PARTITIONS; p++)
		add(p, 0);
	RUN_UNTIL(one.got[1] >= 100);
	put(0, 10);
	put(2, 10);
	RUN_UNTIL(one.got[0] == 20 && one.got[2] == 10);
	/* One may still come: consumer.h. */
	assert_true(one.got[1] <= 101);
	int eofs = one.eofs[0];
	put(0, 1);
	RUN_UNTIL(one.eofs[0] > eofs);
	assert_true(one.got[1] <= 101);
	consumer_pause(one.consumer, 99); /* harmless */
	consumer_resume(one.consumer, 99);
	consumer_resume(one.consumer, 1);
	RUN_UNTIL(one.got[1] == 3000 && one.eofs[1]);
}

/* on_message minds: the first one reads on at its place, what was fetched of it
 * is not fetched again, and nothing comes of one that is not there. */
static void others_come_and_go(void **state)
{
	(void)state;
	put(0, 3000);
	put(1, 10);
	start_as(&one, true);
	add(0, 0);
	consumer_pause(one.consumer, 0);
	add(1, 4);
	RUN_UNTIL(one.eofs[1]);
	assert_int_equal(one.got[1], 6);
	drop(1);
	drop(1); /* harmless */
	consumer_remove(one.consumer, 99);
	put(1, 5);
	consumer_resume(one.consumer, 0);
	RUN_UNTIL(one.eofs[0]);
	assert_int_equal(one.got[0], 3000);
	assert_int_equal(one.got[1], 6);
	add(1, 2);
	RUN_UNTIL(one.next[1] == 15);
	assert_int_equal(one.got[1], 6 + 13);
	assert_int_equal(one.got[0], 3000);
}

static void begin_again_at_first(struct owner *o, int32_t partition)
{
	if (partition == 1 && o->got[1] == 1)
		add(1, 2995);
}

/* From inside a message of it. */
static void begun_again_elsewhere(void **state)
{
	(void)state;
	put(1, 3000);
	put(0, 500);
	one.hook = begin_again_at_first;
	start_as(&one, true);
	add(0, 0);
	add(1, 0);
	RUN_UNTIL(one.eofs[1] && one.eofs[0]);
	assert_int_equal(one.got[1], 1 + 5);
	assert_int_equal(one.got[0], 500);
}

static void remove_at_first(struct owner *o, int32_t partition)
{
	(void)o;
	if (partition == 1)
		drop(1);
}

static void removed_from_inside(void **state)
{
	(void)state;
	put(1, 3000);
	put(0, 500);
	one.hook = remove_at_first;
	start_as(&one, true);
	add(1, 0);
	add(0, 0);
	RUN_UNTIL(one.eofs[0] && one.got[1] == 1);
	put(0, 10);
	RUN_UNTIL(one.got[0] == 510);
	assert_int_equal(one.got[1], 1);
}

/* As fast as one can, between turns of the loop and within one: librdkafka
 * aborts when it is not given the time to stop what it started. */
static void changed_again_and_again(void **state)
{
	(void)state;
	for (int32_t p = 0; p < PARTITIONS; p++)
		put(p, 3);
	start_as(&one, true);
	for (int i = 0; i < 600; i++) {
		add(i % PARTITIONS, 1);
		if (i % 4 == 0)
			drop((i / 4) % PARTITIONS);
		if (i % 7 == 0)
			add((i / 7) % PARTITIONS, 2);
		if (i % 3 == 0)
			uv_run(loop_uv(loop), UV_RUN_NOWAIT);
	}
	memset(one.got, 0, sizeof one.got);
	for (int32_t p = 0; p < PARTITIONS; p++)
		add(p, 1);
	RUN_UNTIL(one.got[0] == 2 && one.got[1] == 2 && one.got[2] == 2);
}

/* The others go on, and it can be begun again. */
static void one_has_a_lost_offset(void **state)
{
	(void)state;
	put(0, 3);
	put(1, 3);
	start_as(&one, true);
	add(0, 1000);
	add(1, 0);
	RUN_UNTIL(one.faults && one.eofs[1]);
	assert_int_equal(one.fault_partition, 0);
	assert_true(consumer_is_gone(&one.fault));
	add(0, 1);
	RUN_UNTIL(one.got[0] == 2);
	put(1, 3);
	RUN_UNTIL(one.got[1] == 6);
}

/* A daemon that has none yet is not ill. */
static void reachable_without_partitions(void **state)
{
	(void)state;
	start_as(&one, true);
	RUN_UNTIL(one.reachable);
	assert_true(consumer_reachable(one.consumer));
}

static void split_and_freed(void **state)
{
	(void)state;
	put(0, 3000);
	put(1, 3000);
	start_as(&one, true);
	add(0, 0);
	add(1, 0);
	RUN_UNTIL(one.got[0] || one.got[1]);
	drop(0);
	add(2, 0);
	consumer_free(&one.consumer);
	assert_null(one.consumer);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(int argc, char **argv)
{
	mockkafka_choose(argc, argv);
	const struct CMUnitTest tests[] = {
	    TEST(by_hand),
	    TEST(from_the_tail),
	    TEST(from_more_than_there_is),
	    TEST(replaced_by_hand),
	    TEST(replaced_again_and_again),
	    TEST(nothing_assigned),
	    TEST(lost_offset),
	    TEST(freed_with_messages_waiting),
	    TEST(reachability),
	    TEST(down_from_the_start),
	    TEST(without_eof_and_reachable),
	    TEST(refused_settings),
	    TEST(one_is_paused),
	    TEST(others_come_and_go),
	    TEST(begun_again_elsewhere),
	    TEST(removed_from_inside),
	    TEST(changed_again_and_again),
	    TEST(one_has_a_lost_offset),
	    TEST(reachable_without_partitions),
	    TEST(split_and_freed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
