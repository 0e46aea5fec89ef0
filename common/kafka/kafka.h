/* What every librdkafka handle shares: configuration, logs, reachability. */
#pragma once

#include "common/base/err.h"

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stddef.h>

/* A property of librdkafka. */
struct kafka_property {
	char *name;
	char *value;
};

struct kafka_config {
	const char *servers;
	const struct kafka_property *extra; /* applied last */
	size_t nextra;
	const char *client_id;
};

/* Is the value of this property never to be shown? */
bool kafka_is_secret(const char *property);

/* An owned conf with servers, client id, log callback and the extra
 * properties; `pairs` is a NULL-terminated list name, value, … of the caller's
 * own. The extras come last: an operator's word wins. A property or value that
 * librdkafka refuses: *out is NULL and the error names it. */
struct err kafka_conf(const struct kafka_config *k, const char *const *pairs,
    rd_kafka_conf_t **out);

/* The leaders of the topic are asked for now, not when it is first used, which
 * would then wait: for up to a second, in a consumer. */
void kafka_expect(rd_kafka_t *rk, const char *topic);

/* From a statistics document: is a broker connected, and does every partition
 * of the topics in use have a leader whose connection has not failed? */
bool kafka_stats_reachable(const char *json, size_t len);
