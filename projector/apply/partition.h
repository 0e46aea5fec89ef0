/* One partition of sluice.commits while it is this projector's. */
#pragma once

#include "projector/audit/audit.h"
#include "projector/settings.h"
#include "projector/stats.h"
#include "projector/warm/warm.h"

#include "common/base/loop.h"
#include "common/kafka/consumer.h"
#include "common/log/version.h"
#include "common/redis/redis.h"

struct lane;

enum lane_state {
	LANE_HELD,	/* waits for Redis's watermark */
	LANE_FOLLOWING, /* waits for messages */
	LANE_APPLYING,	/* waits for the script's answer */
	LANE_RETRYING,	/* waits for the timer: Redis did not take it */
};

/* What lanes share. */
struct lane_context {
	struct loop *loop;
	const struct projector_settings *settings;
	struct stats stats;
	struct redis *redis;
	struct audit *audit; /* NULL: none */
	struct warm *warm;   /* likewise */
	struct consumer *consumer;
	/* Redis is not where a lane believes it is: read all of it again. */
	void (*resume)(void *arg);
	/* A lane wants to begin at another offset; it hears nothing until
	 * lane_assigned. */
	void (*reassign)(void *arg);
	/* A script came to its end. */
	void (*settled)(void *arg);
	void *arg;
};

struct lane *lane_new(struct lane_context *x, int32_t partition);
/* Forgets all that it holds, an answer under way included. */
void lane_hold(struct lane *l);
/* Redis's values: of the watermark and of the cursor key; NULL: absent. It
 * hears nothing until lane_assigned. */
void lane_resume(
    struct lane *l, const redisReply *watermark, const redisReply *cursor);
/* Where to fetch from; valid unless held. */
int64_t lane_offset(const struct lane *l);
/* A new assignment is in place, with nothing paused. */
void lane_assigned(struct lane *l);
/* Takes the message; may pause its partition. */
void lane_message(struct lane *l, rd_kafka_message_t *m);
/* The head of its partition of the log is asked for, and is this
 * (common/log/writes_bound.h). If Redis or what was heard is ahead of it, Redis
 * is started anew. */
void lane_asks(struct lane *l);
void lane_head(struct lane *l, version_t head);
/* The partition ends there. */
void lane_eof(struct lane *l, int64_t end);
void lane_fault(struct lane *l, const struct err *e);
/* Redis is ready again: waits no longer. */
void lane_hurry(struct lane *l);
/* Begins no script any more. */
void lane_drain(struct lane *l);
/* Tells the group how far it is, for lag tools. */
void lane_commit(struct lane *l);

int32_t lane_partition(const struct lane *l);
enum lane_state lane_state(const struct lane *l);
/* Does Redis have a watermark of it? */
bool lane_initialised(const struct lane *l);
version_t lane_watermark(const struct lane *l);
size_t lane_waiting(const struct lane *l);
void lane_free(struct lane **l);
