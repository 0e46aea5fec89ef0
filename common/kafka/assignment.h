/* The partitions that a consumer is assigned.
 *
 * If they are split, each has a queue of its own. Then a message of one
 * partition does not wait behind messages of another.
 */
#pragma once

#include "common/kafka/kafka_poll.h"

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct assigned {
	int32_t partition;
	rd_kafka_queue_t *queue; /* NULL: not split */
	bool paused;
};

/* Begins as all zeroes. */
struct assignment {
	struct assigned *at;
	size_t n;
};

/* Adds a partition, not split. */
void assignment_add(struct assignment *l, int32_t partition);
/* Splits those that are not split yet, and watches their queues. */
void assignment_split(struct assignment *l, rd_kafka_t *rk, const char *topic,
    struct kafka_poll *poll);
/* NULL: the partition is not assigned. */
struct assigned *assignment_find(const struct assignment *l, int32_t partition);
/* Drops one of its partitions; the others may move. */
void assignment_remove(struct assignment *l, struct assigned *one);
/* Drops all partitions. */
void assignment_drop(struct assignment *l);
