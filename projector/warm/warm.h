/* The warm start: fills a partition of Redis that was started anew. Redis
 * records which partitions are warm (common/cache/l2.h, `warmed`). So the next
 * owner of a partition starts again what this one did not finish.
 *
 * The keys come from the compacted commits, the rows from Postgres. They are
 * written by the script with which readers fill Redis (L2_FILL). So INV-2 holds
 * whatever the warm start does, and live commits go on. The documents of the
 * log cannot be used: compaction may keep a late record and remove a newer one.
 */
#pragma once

#include "projector/core/settings.h"
#include "projector/core/stats.h"

#include "common/base/buf.h"
#include "common/base/loop.h"
#include "common/kafka/kafka.h"
#include "common/redis/redis.h"

struct warm;

struct warm_options {
	struct loop *loop;
	const struct projector_settings *settings;
	const struct kafka_config *kafka;
	struct redis *redis;
	struct stats *stats;
};

/* All borrowed. *out NULL: the setting is `none`. */
struct err warm_new(const struct warm_options *o, struct warm **out);

/* Each function takes NULL, too. The partition was started anew; if it was
 * being warmed, that starts from the beginning. */
void warm_want(struct warm *w, int32_t partition);
/* The values of the partition's watermark and `warmed` in Redis, when the
 * projector begins with it. */
void warm_resume(struct warm *w, int32_t partition, const redisReply *watermark,
    const redisReply *warmed);
/* Appends the progress as a JSON value. */
void warm_json(const struct warm *w, struct buf *out);
/* The partition is not this projector's any more. */
void warm_forget(struct warm *w, int32_t partition);
/* Stops warming, for all partitions. */
void warm_stop(struct warm *w);
/* Call it after the connection to Redis is freed, because its last answers come
 * here. */
void warm_free(struct warm **w);
