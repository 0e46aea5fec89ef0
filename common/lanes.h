/* The partitions that a consumer is assigned, each with a queue of its own if
 * they are split: what arrives for one then waits there, and not in front of
 * the others.
 */
#pragma once

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

/* Adds an assigned partition; with `wake_fd` >= 0 splits it, and an arrival in
 * its empty queue adds one to that eventfd. */
void lanes_add(struct lanes *l, rd_kafka_t *rk, const char *topic,
    int32_t partition, int wake_fd);
/* NULL when it is not assigned. */
struct lane *lanes_find(const struct lanes *l, int32_t partition);
/* Back to none. */
void lanes_drop(struct lanes *l);
