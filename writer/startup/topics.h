/* The topics themselves: do they exist, with how many partitions; making them.
 *
 * Blocking: for --migrate, and for the check before the daemon takes work.
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
	/* Settings of one that is there that must be right
	 * (topic_checks_setting), and a NULL; or NULL. */
	const char *const *checked;
	bool any_partitions; /* of one that is there: the others are not used */
};

struct err topics_new(const struct kafka_config *k, struct topics **out);
/* *count is the number of partitions, 0: there is no such topic. RETRY: Kafka
 * does not answer. */
struct err topics_count(
    struct topics *t, const char *topic, dur_us_t timeout, int *count);
/* The offsets of the first record and behind the last one. RETRY: Kafka does
 * not answer. */
struct err topics_ends(struct topics *t, const char *topic, int32_t partition,
    dur_us_t timeout, int64_t *low, int64_t *high);
/* Which Kafka it is; returns owned, NULL: it does not answer. */
char *topics_cluster(struct topics *t, dur_us_t timeout);
/* A setting of a topic that exists; *value is owned. RETRY: Kafka does not
 * answer. REJECT: it does not tell (an ACL, say); the message says why. */
struct err topics_setting(struct topics *t, const char *topic, const char *name,
    dur_us_t timeout, char **value);
/* One that exists already is fine. */
struct err topics_create(
    struct topics *t, const struct topic_plan *plan, dur_us_t timeout);
void topics_free(struct topics **t);
