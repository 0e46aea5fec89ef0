/* The librdkafka properties of a consumer, and of a member of a group. */
#pragma once

#include "common/kafka/consumer.h"
#include "common/kafka/membership.h"

/* How many KiB of each partition are fetched ahead.
 *
 * When all partitions of a broker have that much, librdkafka sleeps. Before 2.2
 * it sleeps for up to a second, whatever is taken meanwhile (its issue 2879);
 * later versions look again after fetch.queue.backoff.ms (`backs_off`). So the
 * older ones must have enough for a second of a backlog. With two partitions,
 * and 2 MiB ahead of each, a writer that can apply 75,000 writes/s got 32,000/s
 * (tests/bench/write).
 *
 * `partitions` of the topic; 0: not known, then the least. Memory is bounded by
 * 48 MiB in all, or by 2 MiB of each partition if these are more. */
size_t consumer_conf_ahead(size_t partitions, bool backs_off);
/* Both return an owned conf without callbacks, or NULL in *out with an error
 * that an operator must correct. */
struct err consumer_conf(
    const struct consumer_options *o, rd_kafka_conf_t **out);
struct err consumer_conf_member(
    const struct membership_options *o, rd_kafka_conf_t **out);
/* The session that is in force: kafka.session.timeout.ms may override
 * `session` of the options. */
dur_us_t consumer_conf_session(const rd_kafka_conf_t *conf);
