/* Reserved integer keys (pure core): blocks of ids that no other instance has
 * and no row had when they were reserved.
 *
 * All request threads share them, under one mutex, so that an instance gives
 * out ids in order. More are asked for before the last one is taken: below the
 * low-water mark, and the more at a time the oftener they ran out.
 */
#pragma once

#include "api/write/home.h"

#include "common/base/clock.h"

struct id_blocks;

/* For `n` collections, by their index. Returns owned. */
struct id_blocks *id_blocks_new(size_t n);
void id_blocks_free(struct id_blocks **ids);

/* False: there is none; somebody asks, or must. */
bool id_blocks_take(struct id_blocks *ids, size_t collection, int64_t *out);
/* The same of the ids that lie there: the first such one; those before it stay
 * for others. False: none of those that are held does. Of one process all homes
 * have the same number of partitions. */
bool id_blocks_take_at(
    struct id_blocks *ids, const struct home *home, int64_t *out);
/* How many blocks the caller is to reserve now; 0: none, or somebody does.
 * Then id_blocks_add for each block and id_blocks_asked for the end are due. */
unsigned id_blocks_want(
    struct id_blocks *ids, size_t collection, mono_us_t now);
void id_blocks_add(
    struct id_blocks *ids, size_t collection, int64_t first, int64_t n);
/* The asking has ended; not again before `pause` is over (it failed). */
void id_blocks_asked(
    struct id_blocks *ids, size_t collection, dur_us_t pause, mono_us_t now);
/* How many are left. */
int64_t id_blocks_left(struct id_blocks *ids, size_t collection);
