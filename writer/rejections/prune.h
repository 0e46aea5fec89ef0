/* Forgetting what is kept for a time only: idempotency keys, rejections and
 * replays, producers that are gone. In small steps, from a timer.
 */
#pragma once

#include "writer/core/context.h"

struct partition;
struct prune;

/* Borrows the partitions: by number, NULL where they are not ours. */
struct prune *prune_new(
    struct context *x, struct partition *const *parts, size_t n);
void prune_free(struct prune **p);
