/* Reserved integer keys (pure core): blocks of ids that no other instance has,
 * and that no row had when they were reserved.
 *
 * All request threads share them under one mutex, so that an instance gives out
 * ids in order. More blocks are asked for when the ids fall below the low-water
 * mark. Whenever ids ran out, the next request is for twice as many blocks, up
 * to a limit.
 */
#pragma once

#include "api/write/home.h"

#include "common/base/clock.h"

struct id_blocks;

/* For `n` collections, by their index. Returns owned. */
struct id_blocks *id_blocks_new(size_t n);
void id_blocks_free(struct id_blocks **ids);

/* Takes an id. False: there is none; more are being reserved, or must be. */
bool id_blocks_take(struct id_blocks *ids, size_t collection, int64_t *out);
/* Takes the first id whose row belongs to the home partition; the ids before it
 * stay for others. False: none of the ids here does. Within a process, every
 * home must have the same number of partitions. */
bool id_blocks_take_at(
    struct id_blocks *ids, const struct home *home, int64_t *out);
/* How many blocks the caller must reserve now; 0: none are needed, or another
 * thread is reserving. Otherwise the caller must call id_blocks_add for each
 * block, and id_blocks_asked at the end. */
unsigned id_blocks_want(
    struct id_blocks *ids, size_t collection, mono_us_t now);
/* Adds a block of `n` ids from `first` on. */
void id_blocks_add(
    struct id_blocks *ids, size_t collection, int64_t first, int64_t n);
/* The reservation has ended. If it failed, the next one begins after `pause`,
 * not before; 0: at any time. */
void id_blocks_asked(
    struct id_blocks *ids, size_t collection, dur_us_t pause, mono_us_t now);
/* The number of ids that are left. */
int64_t id_blocks_left(struct id_blocks *ids, size_t collection);
