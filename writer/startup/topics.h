/* Topics: whether they exist, with how many partitions and settings; creating
 * them.
 *
 * Blocking: for --migrate, and for the checks before the daemon takes work.
 */
#pragma once

#include "common/base/clock.h"
#include "common/kafka/kafka.h"

#include <stdbool.h>
#include <stdint.h>

struct topics;

struct topic_config {
	const char *name;
	const char *value;
};

struct topic_plan {
	const char *name;
	int partitions;
	int replication;
	const struct topic_config *configs; /* ends with a NULL name */
	/* Settings to check if the topic exists (topic_checks_setting), ended
	 * by NULL; or NULL. */
	const char *const *checked;
	bool any_partitions; /* an existing topic may have more: not used */
};

struct err topics_new(const struct kafka_config *k, struct topics **out);
/* *count is the number of partitions; 0: there is no such topic. RETRY: Kafka
 * does not answer. */
struct err topics_count(
    struct topics *t, const char *topic, dur_us_t timeout, int *count);
/* The offsets of the first record and behind the last one. RETRY: Kafka does
 * not answer. */
struct err topics_ends(struct topics *t, const char *topic, int32_t partition,
    dur_us_t timeout, int64_t *low, int64_t *high);
/* The id of the Kafka cluster; returns owned. NULL: it does not answer. */
char *topics_cluster(struct topics *t, dur_us_t timeout);
/* A setting of a topic that exists; *value is owned. RETRY: Kafka does not
 * answer. REJECT: Kafka refuses (because of an ACL, for example); the message
 * says why. */
struct err topics_setting(struct topics *t, const char *topic, const char *name,
    dur_us_t timeout, char **value);
/* OK if the topic exists already. */
struct err topics_create(
    struct topics *t, const struct topic_plan *plan, dur_us_t timeout);
void topics_free(struct topics **t);
