/* The tail: what this instance has heard of the commits.
 *
 * Follows all partitions of sluice.commits (common/log/follower.h) on the main
 * loop. For each record it raises a floor and ends the key's L1 entry; at each
 * mark it moves the watermark, and tells the workers. It starts near the end of
 * the log: the last mark is found by reading a growing tail, and until then the
 * partition's floors are closed.
 *
 * Somebody else may write to sluice.commits. A version or a mark that lies
 * above the head of the log cannot be Sluice's (common/log/writes_bound.h).
 * Where one was believed, the partition is started anew, as after a restart.
 */
#pragma once

#include "api/cache/floors.h"
#include "api/cache/l1.h"
#include "api/commits/change_id.h"
#include "api/commits/outcomes.h"
#include "api/core/metrics.h"
#include "common/base/loop.h"
#include "common/kafka/kafka.h"
#include "common/sql/writes_head.h"

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
	_Atomic uint64_t *purges; /* of struct instance */
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
/* The heads of the log are asked for now. */
void tail_asks(struct tail *t);
/* The answer to the last question; NULL: there is none. A partition that is
 * ahead of the log is started anew. */
void tail_heads(struct tail *t, const struct writes_head_answer *answer);
/* Any thread: can a mark of the partition end there, or a commit be the one
 * before it? */
bool tail_believes(const struct tail *t, int32_t partition, version_t through);
/* Any thread: can Redis's watermark be that? Once this instance has found a
 * forged commit, Redis may have believed it, too. From then on the watermark
 * must not be above the last known head, until the log has grown past the
 * forged commit. */
bool tail_believes_redis(
    const struct tail *t, int32_t partition, version_t watermark);
/* Any thread: the last forged commit that was believed for a while, as a
 * watermark; 0: there was none. */
version_t tail_forged(const struct tail *t, int32_t partition);
/* Any thread: is Kafka heard? */
bool tail_up(const struct tail *t);
/* Any thread: is every partition's watermark known? */
bool tail_started(const struct tail *t);
/* Any thread: has every partition been compared with the head of the log since
 * the start? Until then a forged commit that was read at the start may count.
 */
bool tail_compared(const struct tail *t);
/* Writes decided against, heard of since the start. */
int64_t tail_rejected(const struct tail *t);
void tail_free(struct tail **t);
