/* Announces what a dead writer committed and did not announce. */
#pragma once

#include "writer/core/context.h"

struct gap;

/* Not `complete`: the partition must be taken once more. Either Postgres went
 * back below the end of the gap (a failover lost commits), or the log ends
 * before it (for a moment, or for ever: the takeover finds out). */
typedef void (*gap_done)(void *arg, bool complete);

struct err gap_new(
    struct context *x, gap_done done, void *arg, struct gap **out);
/* Announces the writes of [from, to) of a partition. `done` is called once,
 * later, unless stopped; never gives up. */
void gap_announce(
    struct gap *g, int32_t partition, version_t from, version_t to);
void gap_stop(struct gap *g);
void gap_free(struct gap **g);
