/* The name of a process in its consumer group (pure core): the setting
 * group.instance as Kafka's group.instance.id (KIP-345).
 */
#pragma once

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/err.h"

/* Letters, digits, '.', '_', '-'; the limit of Kafka's names. */
enum { MEMBER_NAME_MAX = 249 };

/* Is it "auto", "none", or a name that Kafka takes? The error names the
 * setting, the value and what is allowed. */
struct err member_check(const char *setting);

/* Appends the name, or nothing if the process has none. `listen` is the value
 * of admin.listen: no two processes of a host have the same. */
void member_name(
    struct buf *out, const char *setting, const char *host, const char *listen);
/* The same, with the name of this host. */
void member_name_here(struct buf *out, const char *setting, const char *listen);

/* The time between two heartbeats. The answer to a heartbeat also tells a
 * member that the group reassigns its partitions. */
dur_us_t member_heartbeat(dur_us_t session);
