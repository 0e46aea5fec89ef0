/* Is Postgres still where the partitions believe it to be?
 *
 * A failover to a standby that lacks the last commits takes rows and watermarks
 * back. If a partition has writes to apply, the fence detects this. If it has
 * none, it would not notice before its next write, and the lost rows would be
 * missing until then. So Postgres is asked after each connect, and from time to
 * time, because a pooler may keep connections over a failover.
 */
#pragma once

#include "writer/batch/partition.h"
#include "writer/core/context.h"

struct watermark_check;

/* Borrows the partitions, indexed by number; NULL: not this writer's. */
struct watermark_check *watermark_check_new(
    struct context *x, struct partition *const *parts, size_t n);
/* A connection became ready. NULL is fine. */
void watermark_check_soon(struct watermark_check *r);
void watermark_check_free(struct watermark_check **r);
