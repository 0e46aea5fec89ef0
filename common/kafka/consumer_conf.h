/* The librdkafka properties of a consumer. */
#pragma once

#include "common/kafka/consumer.h"

/* Returns an owned conf without callbacks, or NULL in *out with an error that
 * an operator must correct. */
struct err consumer_conf(
    const struct consumer_options *o, rd_kafka_conf_t **out);
/* The session that is in force: kafka.session.timeout.ms may override
 * `session` of the options. */
dur_us_t consumer_conf_session(const rd_kafka_conf_t *conf);
