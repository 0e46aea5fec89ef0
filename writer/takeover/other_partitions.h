/* Waits for the other partitions after a failover that lost commits.
 *
 * Postgres may refuse a write that was announced as accepted, because a row of
 * another partition is not restored yet. Here the writer asks whether all other
 * partitions, of all writers, have applied what the log had when it first
 * asked. If they have, the write does not wait for any of them.
 */
#pragma once

#include "writer/core/context.h"

struct other_partitions;

/* Returns owned. */
struct other_partitions *other_partitions_new(
    struct context *x, int32_t partition);
/* Asks, unless it is asking; the answer is there some moments later. */
void other_partitions_ask(struct other_partitions *o);
bool other_partitions_are_there(const struct other_partitions *o);
/* NULL is fine. */
void other_partitions_free(struct other_partitions **o);
