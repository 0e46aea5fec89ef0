/* Is Postgres still where the partitions believe it to be?
 *
 * A failover to a standby that had not got the last commits takes rows and
 * watermarks back. A partition with writes to apply is told by the fence. One
 * without would not hear of it before its next write comes, and what was lost
 * of it would be missing until then: so Postgres is asked whenever a connection
 * was made, and from time to time (a pooler keeps connections over a failover).
 */
#pragma once

#include "writer/batch/partition.h"
#include "writer/core/context.h"

struct watermark_check;

/* Borrows the partitions: by number, NULL where they are not ours. */
struct watermark_check *watermark_check_new(
    struct context *x, struct partition *const *parts, size_t n);
/* A connection became ready. NULL is fine. */
void watermark_check_soon(struct watermark_check *r);
void watermark_check_free(struct watermark_check **r);
