/* One partition of sluice.commits while it is this projector's. */
#pragma once

#include "projector/audit/audit.h"
#include "projector/core/settings.h"
#include "projector/core/stats.h"
#include "projector/warm/warm.h"

#include "common/base/loop.h"
#include "common/kafka/consumer.h"
#include "common/log/version.h"
#include "common/redis/redis.h"

struct partition;

enum partition_state {
	PARTITION_HELD,	     /* waits for Redis's watermark */
	PARTITION_FOLLOWING, /* waits for messages */
	PARTITION_APPLYING,  /* waits for the script's answer */
	PARTITION_RETRYING,  /* waits for the timer: Redis did not take it */
};

/* What all partitions share. */
struct partition_context {
	struct loop *loop;
	const struct projector_settings *settings;
	struct stats stats;
	struct redis *redis;
	struct audit *audit; /* NULL: none */
	struct warm *warm;   /* likewise */
	struct consumer *consumer;
	struct tracer *tracer; /* may be NULL */
	/* A partition is held, because Redis has another watermark than it
	 * believes: the watermark must be read again. */
	void (*resume)(void *arg);
	/* A partition must begin at another offset; it ignores messages until
	 * partition_assigned. */
	void (*reassign)(void *arg);
	/* A script ended. */
	void (*settled)(void *arg);
	void *arg;
};

struct partition *partition_new(struct partition_context *x, int32_t partition);
/* Forgets all that it holds, also an answer that is under way. */
void partition_hold(struct partition *l);
/* Gets the values of the watermark's and the cursor's key in Redis; NULL:
 * absent. It ignores messages until partition_assigned. */
void partition_resume(
    struct partition *l, const redisReply *watermark, const redisReply *cursor);
/* Does it wait for partition_assigned? Not if it is held. */
bool partition_moving(const struct partition *l);
/* The offset to fetch from; valid unless held. */
int64_t partition_offset(const struct partition *l);
/* It is fetched from that offset on, and not paused. */
void partition_assigned(struct partition *l);
/* Takes the message; may pause its partition. */
void partition_message(struct partition *l, rd_kafka_message_t *m);
/* The head of its partition of the log of writes is asked for, and the answer
 * (common/log/writes_bound.h). If Redis, or a message that was heard, is above
 * the head, the partition is started anew. */
void partition_asks(struct partition *l);
void partition_head(struct partition *l, version_t head);
/* The partition ends at `end`. */
void partition_eof(struct partition *l, int64_t end);
void partition_fault(struct partition *l, const struct err *e);
/* Redis is ready again: waits no longer. */
void partition_hurry(struct partition *l);
/* Begins no new script. */
void partition_drain(struct partition *l);

int32_t partition_partition(const struct partition *l);
enum partition_state partition_state(const struct partition *l);
/* Does Redis have a watermark for this partition? */
/* Does it wait, because commits have a format that this version does not know?
 */
bool partition_newer(const struct partition *l);
bool partition_initialised(const struct partition *l);
version_t partition_watermark(const struct partition *l);
size_t partition_waiting(const struct partition *l);
/* Age of the oldest of these; 0: there is none. */
dur_us_t partition_lag(const struct partition *l);
void partition_free(struct partition **l);
