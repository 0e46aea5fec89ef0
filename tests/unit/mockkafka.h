/* librdkafka's mock cluster, and who writes to it. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <librdkafka/rdkafka.h>

#include <librdkafka/rdkafka_mock.h>

enum { MOCKKAFKA_FLUSH_MS = 60000 };

/* Its tests wait for sessions, so CTest runs parts of a program beside each
 * other: a pattern as the argument chooses the tests of that name, and one
 * behind a `-` all others. */
static inline void mockkafka_choose(int argc, char **argv)
{
	if (argc > 1 && argv[1][0] == '-')
		cmocka_set_skip_filter(argv[1] + 1);
	else if (argc > 1)
		cmocka_set_test_filter(argv[1]);
}

/* A producer, which says nothing. NULL: of no servers, to own a cluster. */
static inline rd_kafka_t *mockkafka_client(rd_kafka_mock_cluster_t *cluster)
{
	char text[256];
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	rd_kafka_conf_set_log_cb(conf, NULL);
	if (cluster)
		assert_int_equal(rd_kafka_conf_set(conf, "bootstrap.servers",
				     rd_kafka_mock_cluster_bootstraps(cluster),
				     text, sizeof text),
		    RD_KAFKA_CONF_OK);
	rd_kafka_t *rk =
	    rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
	assert_non_null(rk);
	return rk;
}

/* Records that Sluice does not write, into partition 0; waits for them. */
static inline void mockkafka_put(rd_kafka_t *rk, const char *topic, int n)
{
	for (int i = 0; i < n; i++)
		assert_int_equal(rd_kafka_producev(rk, RD_KAFKA_V_TOPIC(topic),
				     RD_KAFKA_V_PARTITION(0),
				     RD_KAFKA_V_VALUE("v", 1), RD_KAFKA_V_END),
		    0);
	assert_int_equal(rd_kafka_flush(rk, MOCKKAFKA_FLUSH_MS), 0);
}
