/* The partitions that a consumer is assigned, each with a queue of its own if
 * they are split: what arrives for one then waits there, and not in front of
 * the others.
 */
#pragma once

#include "common/kafka/kafka_poll.h"

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lane {
	int32_t partition;
	rd_kafka_queue_t *queue; /* NULL: not split */
	bool paused;
};

/* Begins as all zeroes. */
struct lanes {
	struct lane *at;
	size_t n;
};

/* Adds a partition, not split. */
void lanes_add(struct lanes *l, int32_t partition);
/* Splits all of them, and watches their queues. */
void lanes_split(
    struct lanes *l, rd_kafka_t *rk, const char *topic, struct kafkapoll *poll);
/* NULL when it is not assigned. */
struct lane *lanes_find(const struct lanes *l, int32_t partition);
/* Back to none. */
void lanes_drop(struct lanes *l);
