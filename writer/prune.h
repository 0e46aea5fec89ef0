/* Forgetting what is kept for a time only: idempotency keys, rejections and
 * replays, producers that are gone. In small steps, from a timer.
 */
#pragma once

#include "writer/context.h"

struct prune;

/* Appends the numbers of this writer's partitions as a binary int4[]. */
typedef void (*prune_partitions)(void *arg, struct buf *out);

struct prune *prune_new(
    struct context *x, prune_partitions partitions, void *arg);
void prune_free(struct prune **p);
