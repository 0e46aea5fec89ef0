/* A partition between Redis's answer and the assignment that follows from it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "projector/apply/partition.h"

#include "tests/unit/mockkafka.h"

#include <string.h>

enum { MESSAGES = 10, CURSOR = 2, DEADLINE_S = 60 };

static rd_kafka_t *host, *sender;
static rd_kafka_mock_cluster_t *cluster;
static struct projector_settings settings;
static struct partition_context x;
static struct partition *part;
static int eofs;

static void on_message(void *arg, rd_kafka_message_t *m)
{
	(void)arg;
	partition_message(part, m);
}

static void on_eof(void *arg, int32_t partition, int64_t end)
{
	(void)arg;
	(void)partition;
	eofs++;
	partition_eof(part, end);
}

static void on_fault(void *arg, int32_t partition, struct err e)
{
	(void)arg;
	(void)partition;
	fail_msg("%s", e.msg);
}

static void ignore(void *arg)
{
	(void)arg;
}

static int setup(void **state)
{
	(void)state;
	static const struct consumer_events events = {
	    .message = on_message, .eof = on_eof, .fault = on_fault};
	host = mockkafka_client(NULL);
	cluster = rd_kafka_mock_cluster_new(host, 1);
	assert_int_equal(
	    rd_kafka_mock_topic_create(cluster, "commits", 1, 1), 0);
	const char *servers = rd_kafka_mock_cluster_bootstraps(cluster);
	sender = mockkafka_client(cluster);
	eofs = 0;
	settings = (struct projector_settings){
	    .common.partitions = 1, .chunk_entries = 10, .chunk_bytes = 1024};
	x = (struct partition_context){.loop = loop_new(),
	    .settings = &settings,
	    .resume = ignore,
	    .reassign = ignore,
	    .settled = ignore};
	const struct kafka_config kafka = {
	    .servers = servers, .client_id = "test"};
	struct err e = consumer_new(&(struct consumer_options){.loop = x.loop,
					.kafka = &kafka,
					.topic = "commits",
					.split = true,
					.events = &events},
	    &x.consumer);
	assert_int_equal(e.kind, ERR_KIND_OK);
	part = partition_new(&x, 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	partition_free(&part);
	consumer_free(&x.consumer);
	loop_free(&x.loop);
	rd_kafka_destroy(sender);
	rd_kafka_mock_cluster_destroy(cluster);
	rd_kafka_destroy(host);
	return 0;
}

static redisReply reply(const char *text)
{
	return (redisReply){.type = REDIS_REPLY_STRING,
	    .str = (char *)(uintptr_t)text,
	    .len = strlen(text)};
}

static void read_from(int64_t offset)
{
	int before = eofs;
	mono_us_t end = clock_mono() + CLOCK_S(DEADLINE_S);
	consumer_add(x.consumer, &(struct consumer_start){0, offset});
	while (eofs == before) {
		assert_true(clock_mono() < end);
		uv_run(loop_uv(x.loop), UV_RUN_ONCE);
	}
}

/* Other partitions are still to be answered, so the former assignment is still
 * in place. What it brings is behind a hole: the next mark would start Redis's
 * partition anew. */
static void hears_nothing_before_it_is_assigned(void **state)
{
	(void)state;
	const redisReply watermark = reply("00000000000000020000000000000001");
	const redisReply cursor = reply("2 0000000000000007");
	mockkafka_put(sender, "commits", MESSAGES);
	partition_resume(part, &watermark, &cursor);
	read_from(CURSOR + 3);
	assert_int_equal(partition_offset(part), CURSOR);
	partition_assigned(part);
	read_from(partition_offset(part));
	assert_int_equal(x.stats.malformed, MESSAGES - CURSOR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		hears_nothing_before_it_is_assigned, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
