/* The tail: what this instance has heard of the commits.
 *
 * Follows all partitions of sluice.commits (common/follower.h) on the main
 * loop. For each record it raises a floor and ends the key's L1 entry; at each
 * mark it moves the watermark, and tells the workers. It starts near the end of
 * the log: the last mark is found by reading a growing tail, and until then the
 * partition's floors are closed.
 */
#pragma once

#include "api/changeid.h"
#include "api/floors.h"
#include "api/l1.h"
#include "api/metrics.h"
#include "api/outcomes.h"
#include "common/kafka.h"
#include "common/loop.h"

#include <stdbool.h>

struct tail;

struct tail_options {
	struct loop *loop;
	const struct kafka_config *kafka;
	const char *topic;
	int32_t partitions;
	dur_us_t l1_ttl; /* of a refreshed entry */
	struct floors *floors;
	struct outcomes *outcomes;
	struct l1 *l1;
	struct api_metrics *metrics;
	/* The watermark of a partition moved. */
	void (*moved)(void *arg, int32_t partition);
	void *arg;
};

struct err tail_new(const struct tail_options *o, struct tail **out);
/* Any thread: the watermark, 0 while the partition is closed. */
version_t tail_through(const struct tail *t, int32_t partition);
/* Any thread: where in sluice.commits one goes on who knows all that the tail
 * does. Once the tail has started. */
struct change_place tail_place(const struct tail *t, int32_t partition);
/* Any thread: is Kafka heard? */
bool tail_up(const struct tail *t);
/* Any thread: is every partition's watermark known? */
bool tail_started(const struct tail *t);
/* Writes decided against, heard of since the start. */
int64_t tail_rejected(const struct tail *t);
void tail_free(struct tail **t);
