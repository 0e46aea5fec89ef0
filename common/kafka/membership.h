/* A member of a consumer group, which fetches nothing.
 *
 * The group says which partitions a process should own. Who owns a partition in
 * fact is decided elsewhere: by the fence in Postgres for a writer (INV-3), by
 * the watermark in Redis for a projector. So the membership has a librdkafka
 * handle of its own, and the partitions are fetched by another one
 * (common/kafka/consumer.h), which goes on while the group is rearranged.
 *
 * The strategy is `range`, which is eager: at each rearrangement librdkafka
 * takes all partitions away and assigns some of them again. The membership
 * answers it at once, with an empty list. It tells its owner the difference
 * only: partitions that stay are never interrupted. If the session is lost,
 * they do not stay: others may have them long before this member is back.
 *
 * The race: the former owner of a partition may go on until it hears of the new
 * assignment, when the new owner has already begun. Each of them may be fenced
 * by the other, once or twice. So while the group is being rearranged
 * (`unsettled`), an owner takes no partition, also none that it was fenced for:
 * it may be another's already.
 *
 * If a member is fenced by a heartbeat of its own (common/kafka/rejoin.h), the
 * membership replaces its handle, which is of no use any more, and joins again.
 *
 * Everything runs on the loop's thread.
 */
#pragma once

#include "common/base/loop.h"
#include "common/base/metrics.h"
#include "common/kafka/kafka.h"

#include <stdint.h>

struct membership;

struct membership_events {
	/* The group has assigned partitions. First `lost` is called for each
	 * that is no longer this process's, then `gained` for each that is
	 * new, then `settled`. Those that stay are not mentioned. */
	void (*lost)(void *arg, int32_t partition);
	void (*gained)(void *arg, int32_t partition);
	void (*settled)(void *arg);
	/* The group is being rearranged, and `settled` follows. What this
	 * process has may be another's soon. If the session was lost, it is
	 * another's: `lost` is called for each partition then. */
	void (*unsettled)(void *arg);
	/* It is not a member any more, for good; with `group.fenced`, because
	 * another process has its name. */
	void (*fatal)(void *arg, const struct err *e);
};

struct membership_options {
	struct loop *loop;
	const struct kafka_config *kafka;
	const char *topic;
	const char *group;
	/* The name of this member (common/kafka/member.h): a named member that
	 * is killed and started again gets its partitions back at once. "" or
	 * NULL: none. */
	const char *instance;
	dur_us_t session; /* how long it may be silent; 0: librdkafka's own */
	/* How often it has joined again because a heartbeat of its own had
	 * fenced it (common/kafka/rejoin.h). May be NULL. */
	metric_t *rejoins;
	const struct membership_events *events; /* borrowed */
	void *arg;
};

/* *out is owned, or NULL with an error that an operator must correct. */
struct err membership_new(
    const struct membership_options *o, struct membership **out);
/* Is a broker connected? As of the last second. */
bool membership_reachable(const struct membership *m);
/* Leaves the group, with a name or without, if the broker answers within a few
 * seconds. Then other members get the partitions at once. No callback comes any
 * more. */
void membership_free(struct membership **m);
