#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/kafka/consumer_conf.h"

#include <stdio.h>
#include <string.h>

static void what_is_fetched_ahead(void **state)
{
	(void)state;
	assert_int_equal(consumer_conf_ahead(1, false), 48 * 1024);
	assert_int_equal(consumer_conf_ahead(2, false), 24 * 1024);
	assert_int_equal(consumer_conf_ahead(8, false), 6 * 1024);
	assert_int_equal(consumer_conf_ahead(24, false), 2 * 1024);
	assert_int_equal(consumer_conf_ahead(1024, false), 2 * 1024);
	assert_int_equal(consumer_conf_ahead(0, false), 2 * 1024);
	for (size_t n = 0; n <= 1024; n++)
		assert_int_equal(consumer_conf_ahead(n, true), 2 * 1024);
}

static void conf_has(rd_kafka_conf_t *conf, const char *name, const char *want)
{
	char value[128];
	size_t size = sizeof value;
	assert_int_equal(
	    rd_kafka_conf_get(conf, name, value, &size), RD_KAFKA_CONF_OK);
	assert_string_equal(value, want);
	rd_kafka_conf_destroy(conf);
}

static void has(
    const struct consumer_options *o, const char *name, const char *want)
{
	rd_kafka_conf_t *conf;
	struct err e = consumer_conf(o, &conf);
	assert_int_equal(e.kind, ERR_KIND_OK);
	conf_has(conf, name, want);
}

static void member_has(
    const struct membership_options *o, const char *name, const char *want)
{
	rd_kafka_conf_t *conf;
	struct err e = consumer_conf_member(o, &conf);
	assert_int_equal(e.kind, ERR_KIND_OK);
	assert_int_equal(
	    consumer_conf_session(conf), o->session ? o->session : CLOCK_S(45));
	conf_has(conf, name, want);
}

static void of_a_member(void **state)
{
	(void)state;
	const struct kafka_config kafka = {
	    .servers = "127.0.0.1:9", .client_id = "test"};
	struct membership_options o = {.kafka = &kafka, .group = "members"};
	member_has(&o, "group.id", "members");
	/* Members of former versions have no other one. */
	member_has(&o, "partition.assignment.strategy", "range");
	member_has(&o, "enable.auto.commit", "false");
	o.instance = "one";
	o.session = CLOCK_S(6);
	member_has(&o, "group.instance.id", "one");
	member_has(&o, "session.timeout.ms", "6000");
	member_has(&o, "heartbeat.interval.ms", "500");
}

static void properties(void **state)
{
	(void)state;
	static const struct consumer_events events = {0};
	const struct kafka_config kafka = {
	    .servers = "127.0.0.1:9", .client_id = "test"};
	struct consumer_options o = {.kafka = &kafka, .events = &events};
	bool backs_off = rd_kafka_version() >= 0x020200ff;
	has(&o, "queued.max.messages.kbytes", "2048");
	o.partitions = 2;
	has(&o, "queued.max.messages.kbytes", backs_off ? "2048" : "24576");
	if (backs_off)
		has(&o, "fetch.queue.backoff.ms", "5");
	has(&o, "enable.auto.commit", "false");
	has(&o, "fetch.wait.max.ms", "20");
	o.idle = true;
	has(&o, "queued.max.messages.kbytes", "1024");
	has(&o, "fetch.wait.max.ms", "250");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_fetched_ahead),
	    cmocka_unit_test(properties),
	    cmocka_unit_test(of_a_member),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
