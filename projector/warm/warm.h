/* The warm start: a partition of Redis that was started anew gets its entries
 * back. Redis knows which partitions have them (common/cache/l2.h, `warmed`),
 * so that the next owner of a partition begins again what this one did not end.
 *
 * Their keys come from the compacted commits, their rows from Postgres, through
 * the script with which readers fill Redis (L2_FILL): the documents in the log
 * will not do, since compaction may keep a record that was late and take a
 * newer one. So INV-2 holds whatever this does, and live commits go on.
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

/* All borrowed. *out NULL: the setting says none. */
struct err warm_new(const struct warm_options *o, struct warm **out);

/* Each takes NULL, too. The partition was started anew: from the beginning, if
 * it was being warmed. */
void warm_want(struct warm *w, int32_t partition);
/* What Redis has of it, as it is taken up: its watermark, and what is warmed.
 */
void warm_resume(struct warm *w, int32_t partition, const redisReply *watermark,
    const redisReply *warmed);
/* Appends a JSON value: how far it is. */
void warm_json(const struct warm *w, struct buf *out);
/* No partition is wanted any more. */
void warm_stop(struct warm *w);
/* After the connection to Redis, whose last answers come here. */
void warm_free(struct warm **w);
