/* Begins the batches: natural batching over all partitions.
 *
 * A batch takes what has gathered in all partitions that are not in another
 * batch, up to `batch.rows` and `batch.bytes`. While it is with Postgres, the
 * next one gathers. So an idle system commits a write at once, and under load
 * one transaction has the writes of many clients. Nagle, RFC 896, does this for
 * packets; databases call it group commit.
 *
 * A second batch begins beside the first if there are enough writes for a whole
 * one, or if the first takes unusually long. A partition with trouble is alone
 * in its batches until it is well again. Once such a batch has failed, it
 * leaves the first connection to the others.
 */
#pragma once

#include "writer/batch/partition.h"
#include "writer/core/context.h"

struct scheduler;

/* Borrows the partitions, indexed by number; NULL: not this writer's.
 * `settled`: a batch is over. Returns owned. */
struct scheduler *scheduler_new(struct context *x,
    struct partition *const *parts, size_t n, void (*settled)(void *arg),
    void *arg);
/* A partition may have something for a batch. Batches begin in the next turn of
 * the loop, so that they take all that came in this one. */
void scheduler_kick(struct scheduler *s);
/* A connection became ready: batches wait no longer. */
void scheduler_hurry(struct scheduler *s);
/* Begins no more batches, and repeats none. */
void scheduler_drain(struct scheduler *s);
/* Every batch is over by now: no partition is left, and the pool is freed. */
void scheduler_free(struct scheduler **s);
