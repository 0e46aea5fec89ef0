/* A Kafka consumer of one topic, driven by a loop.
 *
 * The consumer is a member of a group, or its partitions are assigned by hand.
 * It never decides where to start: offsets come from the store that holds the
 * state (docs/design.md 1). So the owner answers `assigned` with
 * consumer_assign, at once or when it has read the offsets.
 *
 * In a group every partition has its own queue. So the owner can pause one
 * partition (its database is away) and stay a member of the group. The
 * library's own pause and seek are not used (unsafe in 2.0.2 with batches).
 *
 * If a member of a group is fenced by a heartbeat of its own
 * (common/kafka/rejoin.h), the consumer replaces its librdkafka handle, which
 * is of no use any more, and joins again. The owner hears `revoked` and then
 * `assigned`.
 *
 * Everything runs on the loop's thread.
 */
#pragma once

#include "common/base/loop.h"
#include "common/base/metrics.h"
#include "common/kafka/kafka.h"

#include <stdint.h>

struct consumer;

struct consumer_start {
	int32_t partition;
	/* An offset, RD_KAFKA_OFFSET_BEGINNING or RD_KAFKA_OFFSET_TAIL(n). */
	int64_t offset;
};

struct consumer_events {
	/* Group only (else NULL): the partitions that are now this
	 * instance's. Fetching starts with consumer_assign. */
	void (*assigned)(void *arg, const int32_t *partitions, size_t n);
	/* Group only (else NULL): the partitions are no longer this instance's;
	 * no message follows. The owner destroys every message that it still
	 * has before it returns. */
	void (*revoked)(void *arg);
	/* Takes the message: rd_kafka_message_destroy. */
	void (*message)(void *arg, rd_kafka_message_t *m);
	/* The end of a partition was reached (again). `end`: the offset behind
	 * its last record. May be NULL. */
	void (*eof)(void *arg, int32_t partition, int64_t end);
	/* A partition cannot be read further, for example because its offset is
	 * not in the log. */
	void (*fault)(void *arg, int32_t partition, struct err e);
	/* Reachability changed. May be NULL. */
	void (*reachable)(void *arg, bool yes);
	/* Group only (else NULL): the consumer is not a member any more, for
	 * good, because another process has its name. */
	void (*fatal)(void *arg, const struct err *e);
};

struct consumer_options {
	struct loop *loop;
	const struct kafka_config *kafka;
	const char *topic;
	const char *group; /* NULL: by hand */
	/* Group only. The name of this member (common/kafka/member.h): a named
	 * member that is killed and started again gets its partitions back at
	 * once. "" or NULL: none. */
	const char *instance;
	dur_us_t session; /* group only: how long it may be silent */
	/* Group only. How often it has joined again because a heartbeat of its
	 * own had fenced it (common/kafka/rejoin.h). May be NULL. */
	metric_t *rejoins;
	bool idle; /* mostly waits: little memory, few requests to the broker */
	/* About how many partitions the topic has: a member may get all of
	 * them. It decides how much of each is fetched ahead
	 * (consumer_conf_ahead). */
	size_t partitions;
	const struct consumer_events *events;
	void *arg;
};

/* *out is owned, or NULL with an error that an operator must correct. */
struct err consumer_new(
    const struct consumer_options *o, struct consumer **out);

/* Replaces the whole assignment. No message of the former one follows. May be
 * called repeatedly: of several calls at once, only the last takes effect. */
void consumer_assign(
    struct consumer *c, const struct consumer_start *starts, size_t n);
/* The same, with those of n partitions for which `start` returns true. */
void consumer_assign_each(struct consumer *c, size_t n,
    bool (*start)(void *arg, size_t i, struct consumer_start *out), void *arg);
/* Group only. Messages of a paused partition wait in its queue. librdkafka
 * bounds the size of the queue. One message may still come after the call. */
void consumer_pause(struct consumer *c, int32_t partition);
void consumer_resume(struct consumer *c, int32_t partition);
/* By hand only. While held, no message comes; what is fetched meanwhile is
 * bounded. */
void consumer_hold(struct consumer *c, bool held);
/* Does a fault mean that the offset is not in the log (any more, or yet)? */
bool consumer_is_gone(const struct err *e);
/* The offset behind the partition's last record, as of the last fetch; -1: not
 * known yet. */
int64_t consumer_end(const struct consumer *c, int32_t partition);
bool consumer_reachable(const struct consumer *c);
/* Leaves the group, with a name or without, if the broker answers within a few
 * seconds. Then other members get the partitions at once. The owner must have
 * destroyed every message that it took. No callback comes any more. */
void consumer_free(struct consumer **c);
