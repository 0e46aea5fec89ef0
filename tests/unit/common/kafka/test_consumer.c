/* The consumer against the mock cluster: by hand and in a group. */
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
	int assigned, revoked;
	bool mine[PARTITIONS];
	size_t nmine;
	bool answer_at_once;
	bool reachable;
	int changes;
	/* Called for each message, after it was counted. */
	void (*hook)(struct owner *o, int32_t partition);
};

static struct owner one, two;

static void assign_mine(struct owner *o)
{
	struct consumer_start starts[PARTITIONS];
	size_t n = 0;
	for (int32_t p = 0; p < PARTITIONS; p++) {
		if (o->mine[p])
			starts[n++] = (struct consumer_start){
			    p, o->next[p] > 0 ? o->next[p] : 0};
	}
	consumer_assign(o->consumer, starts, n);
}

static void on_assigned(void *arg, const int32_t *partitions, size_t n)
{
	struct owner *o = arg;
	o->assigned++;
	o->nmine = n;
	memset(o->mine, 0, sizeof o->mine);
	for (size_t i = 0; i < n; i++) {
		assert_true(partitions[i] >= 0 && partitions[i] < PARTITIONS);
		assert_false(o->mine[partitions[i]]);
		o->mine[partitions[i]] = true;
	}
	if (o->answer_at_once)
		assign_mine(o);
}

static void on_revoked(void *arg)
{
	struct owner *o = arg;
	o->revoked++;
	memset(o->mine, 0, sizeof o->mine);
	o->nmine = 0;
}

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
    on_assigned, on_revoked, on_message, on_eof, on_fault, on_reachable, NULL};
static const struct consumer_events few_events = {
    on_assigned, on_revoked, on_message, NULL, on_fault, NULL, NULL};

static struct err make(struct owner *o, const char *group,
    const struct consumer_events *events, const char *name, const char *value)
{
	struct kafka_property extra[] = {
	    {(char *)(uintptr_t) "heartbeat.interval.ms",
		(char *)(uintptr_t) "100", false},
	    {(char *)(uintptr_t) "session.timeout.ms",
		(char *)(uintptr_t) "6000", false},
	    {(char *)(uintptr_t)name, (char *)(uintptr_t)value, false},
	};
	struct kafka_config kafka = {
	    .servers = rd_kafka_mock_cluster_bootstraps(cluster),
	    .extra = extra,
	    .nextra = name ? 3 : 2,
	    .client_id = "test",
	};
	const struct consumer_options options = {
	    .loop = loop,
	    .kafka = &kafka,
	    .topic = "t",
	    .group = group,
	    .events = events,
	    .arg = o,
	};
	return consumer_new(&options, &o->consumer);
}

static void start(struct owner *o, const char *group)
{
	struct err e = make(o, group, &all_events, NULL, NULL);
	assert_int_equal(e.kind, ERR_KIND_OK);
	assert_non_null(o->consumer);
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
	one = (struct owner){.answer_at_once = true};
	two = one;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	consumer_free(&one.consumer);
	consumer_free(&two.consumer);
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
	start(&one, NULL);
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
	assert_int_equal(one.assigned + one.revoked + one.faults, 0);
}

static void from_the_tail(void **state)
{
	(void)state;
	put(0, 10);
	start(&one, NULL);
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
	start(&one, NULL);
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
	start(&one, NULL);
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
	start(&one, NULL);
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
	start(&one, NULL);
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
	start(&one, NULL);
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
	start(&one, NULL);
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
	start(&one, NULL);
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
	start(&one, NULL);
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
	struct err e = make(&one, NULL, &few_events, NULL, NULL);
	assert_int_equal(e.kind, ERR_KIND_OK);
	one.mine[0] = true;
	consumer_assign(one.consumer, &(struct consumer_start){0, 0}, 1);
	RUN_UNTIL(one.got[0] == 2 && consumer_reachable(one.consumer));
	assert_int_equal(one.eofs[0], 0);
}

static void refused_settings(void **state)
{
	(void)state;
	struct err e = make(&one, "g", &all_events, "no.such.property", "1");
	assert_int_equal(e.kind, ERR_KIND_FATAL);
	assert_non_null(strstr(e.msg, "kafka.no.such.property"));
	assert_null(one.consumer);
	/* Refused only when the handle is made. */
	e = make(&one, "g", &all_events, "max.poll.interval.ms", "1");
	assert_int_equal(e.kind, ERR_KIND_FATAL);
	assert_null(one.consumer);
}

/* --- in a group ------------------------------------------------------------
 */

static void group_alone(void **state)
{
	(void)state;
	for (int32_t p = 0; p < PARTITIONS; p++)
		put(p, 10 + p);
	start(&one, "g");
	RUN_UNTIL(one.eofs[0] && one.eofs[1] && one.eofs[2]);
	assert_int_equal(one.assigned, 1);
	assert_int_equal(one.nmine, PARTITIONS);
	for (int32_t p = 0; p < PARTITIONS; p++)
		assert_int_equal(one.got[p], 10 + p);
	put(1, 5);
	RUN_UNTIL(one.got[1] == 16);
	assert_int_equal(one.revoked, 0);
}

static void group_answered_later(void **state)
{
	(void)state;
	put(0, 3);
	one.answer_at_once = false;
	start(&one, "g");
	RUN_UNTIL(one.assigned);
	uv_run(loop_uv(loop), UV_RUN_ONCE);
	assert_int_equal(one.got[0], 0);
	one.next[0] = 2; /* as the database says */
	assign_mine(&one);
	RUN_UNTIL(one.eofs[0]);
	assert_int_equal(one.got[0], 1);
}

/* In the midst of what was fetched. */
static void pause_at_100(struct owner *o, int32_t partition)
{
	if (partition == 1 && o->got[1] == 100)
		consumer_pause(o->consumer, 1);
}

/* Others go on; nothing of the paused one comes, however much was fetched; on
 * resume it goes on where it stood. */
static void group_paused(void **state)
{
	(void)state;
	put(1, 3000);
	put(0, 10);
	one.hook = pause_at_100;
	start(&one, "g");
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

static void replace_at_first(struct owner *o, int32_t partition)
{
	if (partition != 1 || o->got[1] != 1)
		return;
	o->next[1] = 2995;
	assign_mine(o);
}

/* From inside a message of a partition. */
static void group_replaced(void **state)
{
	(void)state;
	put(1, 3000);
	one.hook = replace_at_first;
	start(&one, "g");
	RUN_UNTIL(one.eofs[1]);
	assert_int_equal(one.got[1], 1 + 5);
}

/* A second member comes: each partition has one owner, and nothing comes
 * between revoked and assigned (on_message minds). */
static void group_shared(void **state)
{
	(void)state;
	for (int32_t p = 0; p < PARTITIONS; p++)
		put(p, 500);
	start(&one, "g");
	RUN_UNTIL(one.assigned == 1 && one.got[0]);
	start(&two, "g");
	RUN_UNTIL(one.revoked >= 1 && one.nmine + two.nmine == PARTITIONS &&
		  two.assigned && one.nmine < PARTITIONS);
	for (int32_t p = 0; p < PARTITIONS; p++)
		assert_true(one.mine[p] != two.mine[p]);
	size_t before[PARTITIONS];
	for (int32_t p = 0; p < PARTITIONS; p++) {
		struct owner *o = one.mine[p] ? &one : &two;
		before[p] = o->got[p];
		put(p, 7);
	}
	for (int32_t p = 0; p < PARTITIONS; p++) {
		struct owner *o = one.mine[p] ? &one : &two;
		RUN_UNTIL(o->next[p] == 507);
		assert_true(o->got[p] > before[p]);
	}
	/* It leaves, and what it had comes back. */
	int revoked = two.revoked;
	consumer_free(&two.consumer);
	assert_int_equal(two.revoked, revoked); /* no callback from there on */
	RUN_UNTIL(one.nmine == PARTITIONS);
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
	    TEST(group_alone),
	    TEST(group_answered_later),
	    TEST(group_paused),
	    TEST(group_replaced),
	    TEST(group_shared),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
