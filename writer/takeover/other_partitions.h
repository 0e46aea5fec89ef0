/* Have the other partitions, of all writers, applied what the log had when it
 * was asked first? Then a write that was told as accepted, and that Postgres
 * refuses, does not wait for a row that one of them is still to write.
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
