/* Announces again what a dead writer committed and left unannounced. */
#pragma once

#include "writer/core/context.h"

struct gap;

/* Not `complete`: Postgres has gone back below the gap's end (a failover lost
 * commits), or the log ends in front of it (for a moment, or for ever: the
 * takeover finds out), and the partition must be taken once more. */
typedef void (*gap_done)(void *arg, bool complete);

struct err gap_new(
    struct context *x, gap_done done, void *arg, struct gap **out);
/* The writes of [from, to) of a partition. `done` is called once, later,
 * unless stopped; never gives up. */
void gap_announce(
    struct gap *g, int32_t partition, version_t from, version_t to);
void gap_stop(struct gap *g);
void gap_free(struct gap **g);
