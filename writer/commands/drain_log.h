/* sluice-writer --drain: applies what the log holds, then ends. The step before
 * a log is left for another one (docs/operations.md).
 *
 * It is done when Postgres's watermarks are at the ends of the log, whoever
 * moved them there, and what this writer applied is announced. Partitions that
 * the topic got behind our back are ignored: a topic that has grown could not
 * be left otherwise.
 */
#pragma once

#include "writer/batch/partition.h"
#include "writer/core/context.h"

struct drain_log;

/* Borrows the partitions: by number, NULL where they are not ours; `member`:
 * the group has spoken. `done` is called once. */
struct drain_log *drain_log_new(struct context *x,
    struct partition *const *parts, const bool *member, void (*done)(void *arg),
    void *arg);
void drain_log_free(struct drain_log **e);
