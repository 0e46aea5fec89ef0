/* A Kafka consumer of one topic, driven by a loop.
 *
 * In a group, or with partitions assigned by hand. It never decides where to
 * start: offsets come from the store that holds the state (docs/design.md 1),
 * so the owner answers `assigned` with consumer_assign, at once or when it has
 * read them. In a group every partition has its own queue, so that the owner
 * can pause one (its database is away) without holding up group membership; the
 * library's own pause and seek are not used (unsafe in 2.0.2 with batches).
 *
 * Everything runs on the loop's thread.
 */
#pragma once

#include "common/base/loop.h"
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
	/* Group only (else NULL): they are not any more; no message follows. */
	void (*revoked)(void *arg);
	/* Takes the message: rd_kafka_message_destroy. */
	void (*message)(void *arg, rd_kafka_message_t *m);
	/* The end of a partition was reached (again): the offset behind its
	 * last record. May be NULL. */
	void (*eof)(void *arg, int32_t partition, int64_t end);
	/* A partition cannot be read on: its offset is not in the log, … */
	void (*fault)(void *arg, int32_t partition, struct err e);
	/* Reachability changed. May be NULL. */
	void (*reachable)(void *arg, bool yes);
	/* Group only (else NULL): it is no member any more and will not be
	 * again, because another process has its name. */
	void (*fatal)(void *arg, const struct err *e);
};

struct consumer_options {
	struct loop *loop;
	const struct kafka_config *kafka;
	const char *topic;
	const char *group; /* NULL: by hand */
	/* Group only. The name of this member (common/kafka/member.h): one that
	 * is killed and started again has its partitions back at once. "" or
	 * NULL: none. */
	const char *instance;
	dur_us_t session; /* group only: how long it may be silent */
	bool idle; /* one of many that mostly wait: little memory, few asks */
	const struct consumer_events *events;
	void *arg;
};

/* *out is owned, or NULL with an error that an operator must mend. */
struct err consumer_new(
    const struct consumer_options *o, struct consumer **out);

/* Replaces the whole assignment. Messages of the former one do not come any
 * more. May be called as often as one likes: what follows at once replaces it
 * unseen. */
void consumer_assign(
    struct consumer *c, const struct consumer_start *starts, size_t n);
/* The same, of those of n partitions for which `start` returns true. */
void consumer_assign_each(struct consumer *c, size_t n,
    bool (*start)(void *arg, size_t i, struct consumer_start *out), void *arg);
/* Group only. Messages of a paused partition wait in its queue, whose size
 * librdkafka bounds. One message may still come. */
void consumer_pause(struct consumer *c, int32_t partition);
void consumer_resume(struct consumer *c, int32_t partition);
/* By hand only: nothing more comes until it is let go on; what is fetched by
 * then is bounded. */
void consumer_hold(struct consumer *c, bool held);
/* Does a fault say that the offset is not in the log (any more, or yet)? */
bool consumer_is_gone(const struct err *e);
/* For lag tools only: nothing ever resumes there. False: nothing is sent, since
 * the broker does not answer now; try again later. */
bool consumer_commit(struct consumer *c, int32_t partition, int64_t next);
/* The offset behind the partition's last record, as of the last fetch; -1: not
 * known yet. */
int64_t consumer_end(const struct consumer *c, int32_t partition);
bool consumer_reachable(const struct consumer *c);
/* Leaves the group, with a name or without, if that can be done in a few
 * seconds: others have the partitions then. The owner has
 * destroyed every message it took. No callback comes from here on. */
void consumer_free(struct consumer **c);
