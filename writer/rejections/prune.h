/* Deletes what has expired: idempotency keys, rejections and replays, producers
 * that are gone. In small steps, from a timer.
 */
#pragma once

#include "writer/core/context.h"

struct partition;
struct prune;

/* Borrows the partitions, indexed by number; NULL: not this writer's. */
struct prune *prune_new(
    struct context *x, struct partition *const *parts, size_t n);
void prune_free(struct prune **p);
