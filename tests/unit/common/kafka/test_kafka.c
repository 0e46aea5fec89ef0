/* What librdkafka's handles share: configuration, and reachability as the
 * statistics tell it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/kafka/kafka.h"

#include <string.h>

#define UP "\"b1\":{\"nodeid\":1,\"state\":\"UP\"}"
#define DOWN "\"b1\":{\"nodeid\":1,\"state\":\"DOWN\"}"
#define UP2 "\"b2\":{\"nodeid\":2,\"state\":\"UP\"}"
#define IDLE2 "\"b2\":{\"nodeid\":2,\"state\":\"INIT\"}"
#define TRIES2(state, n)                                                       \
	"\"b2\":{\"nodeid\":2,\"state\":\"" state "\",\"connects\":" n "}"
#define LED_BY_2 TOPIC("\"1\":{\"leader\":2}")
#define BOOT "\"boot\":{\"nodeid\":-1,\"state\":\"UP\"}"
#define UA "\"-1\":{\"leader\":-1}"
#define DOC(brokers, topics)                                                   \
	"{\"brokers\":{" brokers "},\"topics\":{" topics "}}"
#define TOPIC(partitions) "\"t\":{\"partitions\":{" partitions "}}"

static void reachable(void **state)
{
	(void)state;
	static const struct {
		const char *json;
		bool reachable;
	} table[] = {
	    {"", false},
	    {"{", false},
	    {"[]", false},
	    {"{}", false},
	    {DOC("", ""), false},
	    /* no topic yet: any broker will do */
	    {DOC(UP, ""), true},
	    {DOC(BOOT, ""), true},
	    {DOC(DOWN, ""), false},
	    {DOC(DOWN "," UP2, ""), true},
	    /* a leader that nothing was asked of yet, beside a broker that is
	     * there, is not away */
	    {DOC(UP "," IDLE2,
		 TOPIC("\"0\":{\"leader\":1},\"1\":{\"leader\":2}")),
		true},
	    {DOC(DOWN "," IDLE2, TOPIC("\"1\":{\"leader\":2}")), false},
	    {DOC(IDLE2, TOPIC("\"1\":{\"leader\":2}")), false},
	    {DOC(IDLE2, ""), false},
	    /* nor is one that is being connected to for the first time; but one
	     * whose connection has failed is */
	    {DOC(UP "," TRIES2("TRY_CONNECT", "0"), LED_BY_2), true},
	    {DOC(UP "," TRIES2("CONNECT", "1"), LED_BY_2), true},
	    {DOC(UP "," TRIES2("AUTH_REQ", "1"), LED_BY_2), true},
	    {DOC(UP "," TRIES2("APIVERSION_QUERY", "1"), LED_BY_2), true},
	    {DOC(UP "," TRIES2("DOWN", "1"), LED_BY_2), false},
	    {DOC(UP "," TRIES2("TRY_CONNECT", "1"), LED_BY_2), false},
	    {DOC(UP "," TRIES2("CONNECT", "2"), LED_BY_2), false},
	    {DOC(TRIES2("CONNECT", "1"), LED_BY_2), false},
	    {DOC(TRIES2("CONNECT", "1"), ""), false},
	    /* each partition has a leader that is there */
	    {DOC(UP, TOPIC("\"0\":{\"leader\":1}")), true},
	    {DOC(UP, TOPIC(UA ",\"0\":{\"leader\":1}")), true},
	    {DOC(UP "," UP2,
		 TOPIC("\"0\":{\"leader\":1},\"1\":{\"leader\":2}")),
		true},
	    {DOC(DOWN "," UP2,
		 TOPIC("\"0\":{\"leader\":1},\"1\":{\"leader\":2}")),
		false},
	    {DOC(UP, TOPIC("\"0\":{\"leader\":1},\"1\":{\"leader\":2}")),
		false},
	    {DOC(DOWN, TOPIC("\"0\":{\"leader\":1}")), false},
	    /* a connection by two names */
	    {DOC("\"b0\":{\"nodeid\":1,\"state\":\"INIT\"}," UP,
		 TOPIC("\"0\":{\"leader\":1}")),
		true},
	    /* no leader is -1, as is the number of a bootstrap connection */
	    {DOC(BOOT "," UP, TOPIC("\"0\":{\"leader\":-1}")), false},
	    {DOC(UP, TOPIC("\"0\":{}")), false},
	    /* nothing known of the topic */
	    {DOC(UP, TOPIC("")), false},
	    {DOC(UP, TOPIC(UA)), false},
	    {DOC(BOOT, TOPIC(UA)), false},
	    /* one of two topics */
	    {DOC(UP, TOPIC("\"0\":{\"leader\":1}") ",\"u\":{\"partitions\":"
						   "{\"0\":{\"leader\":2}}}"),
		false},
	    {DOC("\"b1\":{\"nodeid\":1}", ""), false},
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		if (kafka_stats_reachable(table[i].json,
			strlen(table[i].json)) != table[i].reachable)
			fail_msg("%s", table[i].json);
	}
}

static const char *get(const rd_kafka_conf_t *conf, const char *name)
{
	static char value[256];
	size_t size = sizeof value;
	assert_int_equal(
	    rd_kafka_conf_get(conf, name, value, &size), RD_KAFKA_CONF_OK);
	return value;
}

/* Ours over librdkafka's, the operator's over ours. */
static void who_wins(void **state)
{
	(void)state;
	struct kafka_property extra[] = {
	    {(char *)(uintptr_t) "linger.ms", (char *)(uintptr_t) "9", false},
	    {(char *)(uintptr_t) "client.id", (char *)(uintptr_t) "mine",
		false},
	};
	const struct kafka_config k = {"h:1,h:2", extra, 2, "sluice", NULL};
	const char *const pairs[] = {
	    "linger.ms", "1", "batch.num.messages", "77", NULL};
	rd_kafka_conf_t *conf;
	assert_int_equal(kafka_conf(&k, pairs, &conf).kind, ERR_KIND_OK);
	assert_string_equal(get(conf, "bootstrap.servers"), "h:1,h:2");
	assert_string_equal(get(conf, "linger.ms"), "9");
	assert_string_equal(get(conf, "client.id"), "mine");
	assert_string_equal(get(conf, "batch.num.messages"), "77");
	rd_kafka_conf_destroy(conf);
	assert_int_equal(kafka_conf(&k, NULL, &conf).kind, ERR_KIND_OK);
	rd_kafka_conf_destroy(conf);
}

static void refused(void **state)
{
	(void)state;
	static const struct {
		const char *name, *value;
	} table[] = {
	    {"no.such.property", "1"},
	    {"linger.ms", "soon"},
	    {"linger.ms", "-1"},
	    {"compression.codec", "zip"},
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct kafka_property extra = {(char *)(uintptr_t)table[i].name,
		    (char *)(uintptr_t)table[i].value, false};
		const struct kafka_config k = {
		    "h:1", &extra, 1, "sluice", NULL};
		rd_kafka_conf_t *conf;
		struct err e = kafka_conf(&k, NULL, &conf);
		assert_int_equal(e.kind, ERR_KIND_FATAL);
		assert_null(conf);
		assert_non_null(strstr(e.msg, "kafka."));
		assert_non_null(strstr(e.msg, table[i].name));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(reachable),
	    cmocka_unit_test(who_wins),
	    cmocka_unit_test(refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
