/* Whether Kafka answers a member of a group.
 *
 * The membership and the consumer of the partitions have connections of their
 * own. The consumer counts only while it has a partition to read.
 */
#pragma once

#include "common/kafka/consumer.h"
#include "common/kafka/membership.h"

struct partition; /* the daemon's own */

/* As of the last second. `parts` has n entries; NULL: not this process's.
 * Without any partition the process needs only its group; before it is a member
 * (`m` is NULL) nothing yet. `c` may be NULL if there is no partition. On the
 * loop's thread; everything is borrowed. */
bool kafka_answers(const struct membership *m, const struct consumer *c,
    struct partition *const *parts, size_t n);
