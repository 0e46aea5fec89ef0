/* Floors: the newest commit that this instance has heard of, per bucket of
 * keys, and per collection (pure core, docs/design.md 3).
 *
 * INV-1: a value may be served iff its as_of >= the floor of its bucket.
 *
 * A page of a list has rows of every partition, so it keeps the watermark of
 * each. It may be served iff, in each partition, its watermark is at or above
 * the floor of its collection. So a commit ends the pages of its own collection
 * only.
 *
 * What was read of a group (common/log/keyspace.h) has rows of one partition.
 * It goes by the floor of the group's own bucket, which every commit to a key
 * of the group raises.
 *
 * One thread (the tail) raises floors; any thread reads them. A floor never
 * falls, with one exception (floors_reset). A partition is closed until the
 * tail knows its watermark. While it is closed, no cached value may be served,
 * and reads go to the primary. Even then, a value of the primary must not be
 * older than the commits that were heard of: the primary may have lost commits
 * in a failover, or the value may be the answer to an earlier request.
 */
#pragma once

#include "common/log/keyspace.h"
#include "common/log/version.h"

#include <stdbool.h>

/* What floors_get returns for a closed partition: above every version. */
#define FLOORS_CLOSED UINT64_MAX

struct floors;

/* Returns owned; every partition is closed. */
struct floors *floors_new(int32_t partitions, size_t collections);
void floors_free(struct floors **f);

/* False: the partition is closed. */
bool floors_is_open(const struct floors *f, int32_t partition);
bool floors_all_open(const struct floors *f);
/* The floor of the key's bucket; FLOORS_CLOSED if the partition is closed. */
version_t floors_get(const struct floors *f, struct key_slot slot);
/* Tells whether INV-1 holds; false for a closed partition. */
bool floors_allow(
    const struct floors *f, struct key_slot slot, version_t as_of);

/* The same for a value from the primary; may be true for a closed partition. */
bool floors_allow_primary(
    const struct floors *f, struct key_slot slot, version_t as_of);

/* INV-1 for a page of the collection with this index. `as_of` has the watermark
 * of every partition. */
bool floors_allow_page(
    const struct floors *f, size_t collection, const version_t *as_of);
/* The same for a page from the primary; may be true for closed partitions. */
bool floors_allow_page_primary(
    const struct floors *f, size_t collection, const version_t *as_of);

/* Raises the floor of one bucket to at least `floor`. Only the tail may call
 * this and the functions below. */
void floors_raise(struct floors *f, struct key_slot slot, version_t floor);
/* The same for the pages of the collection with this index. */
void floors_raise_pages(
    struct floors *f, size_t collection, int32_t partition, version_t floor);
/* Raises the floors of all buckets of the partition, and of the pages of every
 * collection, to at least `base`; then opens the partition. */
void floors_open(struct floors *f, int32_t partition, version_t base);
/* Closes the partition until floors_open; its floors stay. */
void floors_close(struct floors *f, int32_t partition);
/* To be called if floors of a closed partition were raised for commits that do
 * not exist. Sets all of its floors to `floor`, which must be above every
 * commit that was heard of and does exist. */
void floors_reset(struct floors *f, int32_t partition, version_t floor);
