/* sluice-writer --drain: applies what the log holds, then ends. It is the step
 * before a move to another log (docs/operations.md).
 *
 * It is done when Postgres's watermarks are at the ends of the log, whoever
 * moved them there, and when everything that this writer applied is announced.
 * If the topic has grown, its additional partitions are ignored. Otherwise
 * nobody could move away from such a topic.
 */
#pragma once

#include "writer/batch/partition.h"
#include "writer/core/context.h"

struct drain_log;

/* Borrows the partitions, indexed by number; NULL: not this writer's. `member`:
 * the group has assigned partitions. `done` is called once. */
struct drain_log *drain_log_new(struct context *x,
    struct partition *const *parts, const bool *member, void (*done)(void *arg),
    void *arg);
void drain_log_free(struct drain_log **e);
