/* A Kafka consumer of one topic, driven by a loop.
 *
 * Its partitions are assigned by hand. A process that shares a topic with
 * others is a member of a group besides (common/kafka/membership.h), which says
 * which partitions it should read.
 *
 * The consumer never decides where to start: offsets come from the store that
 * holds the state (docs/design.md 1).
 *
 * If it is split, every partition has its own queue. So the owner can add,
 * remove or pause one partition (its database is away), and the others go on.
 * The library's own pause and seek are not used (unsafe in 2.0.2 with batches).
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
};

struct consumer_options {
	struct loop *loop;
	const struct kafka_config *kafka;
	const char *topic;
	bool split; /* its partitions are added and removed singly */
	bool idle; /* mostly waits: little memory, few requests to the broker */
	/* About how many partitions it may have. It decides how much of each
	 * is fetched ahead (consumer_conf_ahead). */
	size_t partitions;
	const struct consumer_events *events;
	void *arg;
};

/* *out is owned, or NULL with an error that an operator must correct. */
struct err consumer_new(
    const struct consumer_options *o, struct consumer **out);

/* Not if it is split. Replaces the whole assignment. No message of the former
 * one follows. May be called repeatedly: of several calls at once, only the
 * last takes effect. */
void consumer_assign(
    struct consumer *c, const struct consumer_start *starts, size_t n);
/* The same, with those of n partitions for which `start` returns true. */
void consumer_assign_each(struct consumer *c, size_t n,
    bool (*start)(void *arg, size_t i, struct consumer_start *out), void *arg);

/* Only if it is split. Begins with a partition, not paused. If the consumer has
 * it, it begins again there, and no message from before follows. The other
 * partitions go on. */
void consumer_add(struct consumer *c, const struct consumer_start *start);
/* Only if it is split. No message of the partition follows. If the consumer
 * does not have it, nothing happens. The owner may keep the messages that it
 * took. */
void consumer_remove(struct consumer *c, int32_t partition);
/* Only if it is split. Messages of a paused partition wait in its queue.
 * librdkafka bounds the size of the queue. One message may still come after the
 * call. */
void consumer_pause(struct consumer *c, int32_t partition);
void consumer_resume(struct consumer *c, int32_t partition);
/* Not if it is split. While held, no message comes; what is fetched meanwhile
 * is bounded. */
void consumer_hold(struct consumer *c, bool held);
/* Does a fault mean that the offset is not in the log (any more, or yet)? */
bool consumer_is_gone(const struct err *e);
/* The offset behind the partition's last record, as of the last fetch; -1: not
 * known yet. */
int64_t consumer_end(const struct consumer *c, int32_t partition);
bool consumer_reachable(const struct consumer *c);
/* The owner must have destroyed every message that it took. No callback comes
 * any more. */
void consumer_free(struct consumer **c);
