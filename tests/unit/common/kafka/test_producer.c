/* The producer against librdkafka's mock cluster, with the broker's errors put
 * in its mouth. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/kafka/producer.h"

#include "tests/unit/mockkafka.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { API_PRODUCE = 0, MANY = 3000, DEADLINE_S = 60 };

/* The cluster belongs to a handle of its own, so that it stays when the
 * producer replaces its one. */
static rd_kafka_t *host;
static rd_kafka_mock_cluster_t *cluster;
static struct loop *loop;
static struct producer *producer;

struct report {
	int n;
	struct delivery last;
};
static struct report reports[MANY];
static int reported;
static int unpolled; /* reports since the last call of `polled` */

static void delivered(void *arg, const struct delivery *d)
{
	struct report *r = d->opaque;
	assert_ptr_equal(arg, reports);
	assert_true(r >= reports && r < reports + MANY);
	r->n++;
	r->last = *d;
	reported++;
	unpolled++;
}

static void polled(void *arg)
{
	assert_ptr_equal(arg, reports);
	unpolled = 0;
}

static void make(const char *const *extra)
{
	struct kafka_property pairs[4];
	struct kafka_config kafka = {
	    .servers = rd_kafka_mock_cluster_bootstraps(cluster),
	    .extra = pairs,
	    .client_id = "test",
	};
	for (; extra && *extra; extra += 2)
		pairs[kafka.nextra++] =
		    (struct kafka_property){(char *)(uintptr_t)extra[0],
			(char *)(uintptr_t)extra[1], false};
	struct err e =
	    producer_new(&(struct producer_options){loop, &kafka, delivered,
			     reports, 0, NULL, polled, NULL},
		&producer);
	assert_int_equal(e.kind, ERR_KIND_OK);
}

static int setup(void **state)
{
	(void)state;
	host = mockkafka_client(NULL);
	cluster = rd_kafka_mock_cluster_new(host, 1);
	assert_non_null(cluster);
	assert_int_equal(rd_kafka_mock_topic_create(cluster, "t", 2, 1), 0);
	loop = loop_new();
	memset(reports, 0, sizeof reports);
	reported = unpolled = 0;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	producer_free(&producer, 0);
	assert_null(producer);
	assert_int_equal(unpolled, 0); /* also after the last ones */
	loop_free(&loop);
	rd_kafka_mock_cluster_destroy(cluster);
	rd_kafka_destroy(host);
	return 0;
}

static struct err try_send(int i, int32_t partition)
{
	return producer_send(producer, &(struct produce){.topic = "t",
					   .partition = partition,
					   .key = "k",
					   .key_len = 1,
					   .value = "v",
					   .value_len = 1,
					   .opaque = &reports[i]});
}

static void send_one(int i, int32_t partition)
{
	struct err e = try_send(i, partition);
	if (e.kind != ERR_KIND_OK)
		fail_msg("%s: %s", e.code, e.msg);
	assert_int_equal(reports[i].n, 0); /* never inside the send */
}

static void run_until(int n)
{
	mono_us_t end = clock_mono() + CLOCK_S(DEADLINE_S);
	while (reported < n) {
		assert_true(clock_mono() < end);
		uv_run(loop_uv(loop), UV_RUN_ONCE);
	}
	assert_int_equal(reported, n);
}

static void is_ok(int i, int32_t partition, int64_t offset)
{
	assert_int_equal(reports[i].n, 1);
	assert_int_equal(reports[i].last.status, DELIVERY_OK);
	assert_int_equal(reports[i].last.partition, partition);
	assert_int_equal(reports[i].last.offset, offset);
	assert_string_equal(reports[i].last.code, "NO_ERROR");
}

/* --- the good days ---------------------------------------------------------
 */

static void offsets(void **state)
{
	(void)state;
	make(NULL);
	for (int i = 0; i < 10; i++)
		send_one(i, i % 2);
	assert_int_equal(producer_outstanding(producer), 10);
	run_until(10);
	assert_int_equal(producer_outstanding(producer), 0);
	for (int i = 0; i < 10; i++)
		is_ok(i, i % 2, i / 2);
	mono_us_t end = clock_mono() + CLOCK_S(DEADLINE_S);
	while (!producer_reachable(producer)) {
		assert_true(clock_mono() < end);
		uv_run(loop_uv(loop), UV_RUN_ONCE);
	}
}

static void *send_a_third(void *arg)
{
	for (int i = *(int *)arg; i < MANY; i += 3)
		send_one(i, 0);
	return NULL;
}

/* Reports come on the loop's thread (the counters are plain). */
static void from_threads(void **state)
{
	(void)state;
	make(NULL);
	pthread_t threads[3];
	int starts[] = {0, 1, 2};
	bool taken[MANY] = {false};
	for (int i = 0; i < 3; i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, send_a_third, &starts[i]),
		    0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	run_until(MANY);
	for (int i = 0; i < MANY; i++) {
		int64_t offset = reports[i].last.offset;
		is_ok(i, 0, offset);
		assert_true(offset >= 0 && offset < MANY && !taken[offset]);
		taken[offset] = true;
		/* In each thread's order. */
		if (i >= 3)
			assert_true(offset > reports[i - 3].last.offset);
	}
}

/* Headers, an empty value and a tombstone arrive as what they are. */
static void what_arrives(void **state)
{
	(void)state;
	make(NULL);
	rd_kafka_headers_t *h = rd_kafka_headers_new(1);
	assert_int_equal(rd_kafka_header_add(h, "op", -1, "put", -1), 0);
	struct produce m = {.topic = "t",
	    .partition = 0,
	    .key = "key",
	    .key_len = 3,
	    .value = "value",
	    .value_len = 5,
	    .headers = h,
	    .opaque = &reports[0]};
	assert_int_equal(producer_send(producer, &m).kind, ERR_KIND_OK);
	m = (struct produce){
	    .topic = "t", .key = "gone", .key_len = 4, .opaque = &reports[1]};
	assert_int_equal(producer_send(producer, &m).kind, ERR_KIND_OK);
	run_until(2);
	char text[256];
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	assert_int_equal(
	    rd_kafka_conf_set(conf, "bootstrap.servers",
		rd_kafka_mock_cluster_bootstraps(cluster), text, sizeof text),
	    RD_KAFKA_CONF_OK);
	assert_int_equal(
	    rd_kafka_conf_set(conf, "group.id", "g", text, sizeof text),
	    RD_KAFKA_CONF_OK);
	rd_kafka_t *rk =
	    rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof text);
	rd_kafka_topic_partition_list_t *list =
	    rd_kafka_topic_partition_list_new(1);
	rd_kafka_topic_partition_list_add(list, "t", 0)->offset = 0;
	assert_int_equal(rd_kafka_assign(rk, list), 0);
	rd_kafka_topic_partition_list_destroy(list);
	rd_kafka_message_t *got = rd_kafka_consumer_poll(rk, DEADLINE_S * 1000);
	assert_non_null(got);
	assert_int_equal(got->err, 0);
	assert_int_equal(got->key_len, 3);
	assert_memory_equal(got->key, "key", 3);
	assert_int_equal(got->len, 5);
	assert_memory_equal(got->payload, "value", 5);
	const void *value;
	size_t len;
	assert_int_equal(rd_kafka_message_headers(got, &h), 0);
	assert_int_equal(rd_kafka_header_get_last(h, "op", &value, &len), 0);
	assert_int_equal(len, 3);
	assert_memory_equal(value, "put", 3);
	rd_kafka_message_destroy(got);
	got = rd_kafka_consumer_poll(rk, DEADLINE_S * 1000);
	assert_non_null(got);
	assert_int_equal(got->err, 0);
	assert_memory_equal(got->key, "gone", 4);
	assert_null(got->payload);
	rd_kafka_message_destroy(got);
	rd_kafka_consumer_close(rk);
	rd_kafka_destroy(rk);
}

/* --- the bad days ----------------------------------------------------------
 */

static void retried(void **state)
{
	(void)state;
	make(NULL);
	rd_kafka_mock_push_request_errors(cluster, API_PRODUCE, 2,
	    RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
	    RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION);
	send_one(0, 0);
	run_until(1);
	is_ok(0, 0, 0);
}

/* The broker knows the batch from a former try and does not say where. */
static void ok_without_offset(void **state)
{
	(void)state;
	make(NULL);
	rd_kafka_mock_push_request_errors(cluster, API_PRODUCE, 2,
	    RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
	    RD_KAFKA_RESP_ERR_DUPLICATE_SEQUENCE_NUMBER);
	send_one(0, 0);
	run_until(1);
	is_ok(0, 0, -1);
	send_one(1, 0);
	run_until(2);
	assert_int_equal(reports[1].last.status, DELIVERY_OK);
	assert_true(reports[1].last.offset >= 0);
}

static void refused_for_good(void **state)
{
	(void)state;
	make(NULL);
	rd_kafka_mock_push_request_errors(cluster, API_PRODUCE, 1,
	    RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
	send_one(0, 0);
	run_until(1);
	assert_int_equal(reports[0].n, 1);
	assert_int_equal(reports[0].last.status, DELIVERY_FAILED);
	assert_int_equal(reports[0].last.offset, -1);
	assert_string_equal(reports[0].last.code, "TOPIC_AUTHORIZATION_FAILED");
}

/* Fatal: what was sent is reported, sends say RETRY until the new producer is
 * there, and then they succeed. */
static void replaced(void **state)
{
	(void)state;
	make(NULL);
	send_one(0, 0);
	run_until(1);
	for (int round = 0; round < 2; round++) {
		int failed = 1 + round * 2;
		rd_kafka_mock_push_request_errors(cluster, API_PRODUCE, 1,
		    RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
		send_one(failed, 0);
		run_until(failed + 1);
		assert_int_not_equal(reports[failed].last.status, DELIVERY_OK);
		assert_int_equal(reports[failed].last.offset, -1);
		mono_us_t end = clock_mono() + CLOCK_S(DEADLINE_S);
		for (struct err e;; uv_run(loop_uv(loop), UV_RUN_ONCE)) {
			e = try_send(failed + 1, 0);
			if (e.kind == ERR_KIND_OK)
				break;
			assert_int_equal(e.kind, ERR_KIND_RETRY);
			assert_true(clock_mono() < end);
		}
		run_until(failed + 2);
		assert_int_equal(reports[failed + 1].last.status, DELIVERY_OK);
		assert_true(reports[failed + 1].last.offset >= 0);
	}
	/* It stays now: what it queues is not thrown away. */
	assert_int_equal(rd_kafka_mock_broker_set_down(cluster, 1), 0);
	send_one(5, 0);
	mono_us_t later = clock_mono() + CLOCK_S(1);
	while (clock_mono() < later)
		uv_run(loop_uv(loop), UV_RUN_ONCE);
	assert_int_equal(reports[5].n, 0);
	assert_int_equal(rd_kafka_mock_broker_set_up(cluster, 1), 0);
	run_until(6);
	assert_int_equal(reports[5].last.status, DELIVERY_OK);
	for (int i = 0; i < 6; i++)
		assert_int_equal(reports[i].n, 1);
}

/* What the replaced one still queued is reported: certainly not in the log. */
static void queued_when_replaced(void **state)
{
	(void)state;
	/* Nobody leads partition 1, and nobody ever hears that it was led. */
	assert_int_equal(
	    rd_kafka_mock_partition_set_leader(cluster, "t", 1, -1), 0);
	make(NULL);
	send_one(0, 0);
	run_until(1);
	for (int i = 1; i < 10; i++)
		send_one(i, 1);
	rd_kafka_mock_push_request_errors(cluster, API_PRODUCE, 1,
	    RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
	send_one(10, 0);
	run_until(11);
	for (int i = 1; i < 11; i++) {
		assert_int_equal(reports[i].n, 1);
		assert_int_equal(reports[i].last.partition, i < 10);
		assert_int_equal(reports[i].last.offset, -1);
		assert_int_not_equal(reports[i].last.status, DELIVERY_OK);
		if (i < 10)
			assert_int_equal(
			    reports[i].last.status, DELIVERY_FAILED);
	}
	assert_int_equal(producer_outstanding(producer), 0);
}

/* The answer does not come: the write may be in the log. */
static void timed_out_in_flight(void **state)
{
	(void)state;
	static const char *const extra[] = {
	    "delivery.timeout.ms", "1500", NULL};
	make(extra);
	send_one(0, 0);
	run_until(1);
	assert_int_equal(rd_kafka_mock_broker_set_rtt(cluster, 1, 600000), 0);
	send_one(1, 0);
	run_until(2);
	assert_int_equal(reports[1].last.status, DELIVERY_UNKNOWN);
	assert_int_equal(reports[1].last.offset, -1);
	assert_string_equal(reports[1].last.code, "_MSG_TIMED_OUT");
}

/* Never sent: certainly not in the log. */
static void timed_out_in_the_queue(void **state)
{
	(void)state;
	static const char *const extra[] = {
	    "delivery.timeout.ms", "1500", NULL};
	assert_int_equal(rd_kafka_mock_broker_set_down(cluster, 1), 0);
	make(extra);
	send_one(0, 0);
	run_until(1);
	assert_int_equal(reports[0].last.status, DELIVERY_FAILED);
	assert_string_equal(reports[0].last.code, "_MSG_TIMED_OUT");
	assert_false(producer_reachable(producer));
}

/* The local queue is full: RETRY, no report, and the headers are taken. */
static void full(void **state)
{
	(void)state;
	static const char *const extra[] = {
	    "queue.buffering.max.messages", "3", NULL};
	assert_int_equal(rd_kafka_mock_broker_set_down(cluster, 1), 0);
	make(extra);
	for (int i = 0; i < 3; i++)
		send_one(i, 0);
	rd_kafka_headers_t *h = rd_kafka_headers_new(1);
	struct err e = producer_send(
	    producer, &(struct produce){
			  .topic = "t", .headers = h, .opaque = &reports[3]});
	assert_int_equal(e.kind, ERR_KIND_RETRY);
	assert_string_equal(e.code, "_QUEUE_FULL");
	assert_int_equal(producer_outstanding(producer), 3);
	producer_free(&producer, 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(reports[i].n, 1);
		assert_int_equal(reports[i].last.status, DELIVERY_FAILED);
	}
	assert_int_equal(reports[3].n, 0);
}

/* --- the end ---------------------------------------------------------------
 */

static void free_waits(void **state)
{
	(void)state;
	make(NULL);
	for (int i = 0; i < 100; i++)
		send_one(i, 0);
	producer_free(&producer, CLOCK_S(DEADLINE_S));
	for (int i = 0; i < 100; i++)
		is_ok(i, 0, i);
}

/* In flight at the end of the wait: one report each, and not that it failed. */
static void free_gives_up(void **state)
{
	(void)state;
	make(NULL);
	send_one(0, 0);
	run_until(1);
	assert_int_equal(rd_kafka_mock_broker_set_rtt(cluster, 1, 600000), 0);
	send_one(1, 0);
	producer_free(&producer, CLOCK_MS(300));
	assert_int_equal(reports[1].n, 1);
	assert_int_equal(reports[1].last.status, DELIVERY_UNKNOWN);
}

static void refused_settings(void **state)
{
	(void)state;
	struct kafka_property bad = {
	    (char *)(uintptr_t) "acks", (char *)(uintptr_t) "1", false};
	struct kafka_config kafka = {
	    .servers = "h:1", .extra = &bad, .nextra = 1, .client_id = "x"};
	struct producer *p;
	struct err e = producer_new(&(struct producer_options){loop, &kafka,
					delivered, NULL, 0, NULL, NULL, NULL},
	    &p);
	assert_int_equal(e.kind, ERR_KIND_FATAL); /* not with idempotence */
	assert_null(p);
	bad.name = (char *)(uintptr_t) "no.such.property";
	e = producer_new(&(struct producer_options){loop, &kafka, delivered,
			     NULL, 0, NULL, NULL, NULL},
	    &p);
	assert_int_equal(e.kind, ERR_KIND_FATAL);
	assert_non_null(strstr(e.msg, "kafka.no.such.property"));
	assert_null(p);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(offsets),
	    TEST(from_threads),
	    TEST(what_arrives),
	    TEST(retried),
	    TEST(ok_without_offset),
	    TEST(refused_for_good),
	    TEST(replaced),
	    TEST(queued_when_replaced),
	    TEST(timed_out_in_flight),
	    TEST(timed_out_in_the_queue),
	    TEST(full),
	    TEST(free_waits),
	    TEST(free_gives_up),
	    TEST(refused_settings),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
