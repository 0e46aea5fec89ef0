/* Floors: the newest commit that this instance has heard of, per bucket of
 * keys, and per collection (pure core, docs/design.md 3).
 *
 * INV-1: a value may be served iff its as_of >= the floor of its bucket.
 *
 * A page of a list has rows of every partition. It keeps the watermark of each,
 * and may be served iff none of them is below what was heard of its collection
 * there. So a commit ends the pages of its collection, and no other's.
 *
 * One thread (the tail) raises floors, any thread reads them. A floor never
 * falls, with one exception (floors_reset). Before the tail knows a partition
 * it is closed: nothing cached may be served, and reads go to the primary. What
 * the primary says must not be older than what was heard by then either: it may
 * have gone back in a failover, or have been asked by an earlier request.
 */
#pragma once

#include "common/log/keyspace.h"
#include "common/log/version.h"

#include <stdbool.h>

/* What floors_get says of a closed partition: above every version. */
#define FLOORS_CLOSED UINT64_MAX

struct floors;

/* Returns owned; every partition is closed. */
struct floors *floors_new(int32_t partitions, size_t collections);
void floors_free(struct floors **f);

/* True once floors_open was called for the partition. */
bool floors_is_open(const struct floors *f, int32_t partition);
bool floors_all_open(const struct floors *f);
version_t floors_get(const struct floors *f, struct key_slot slot);
/* INV-1 as a question; false for a closed partition. */
bool floors_allow(
    const struct floors *f, struct key_slot slot, version_t as_of);

/* The same of a value that the primary said; of a closed partition, too. */
bool floors_allow_primary(
    const struct floors *f, struct key_slot slot, version_t as_of);

/* INV-1 of a page of the collection with that index: `as_of` has the watermark
 * of every partition. */
bool floors_allow_page(
    const struct floors *f, size_t collection, const version_t *as_of);
bool floors_allow_page_primary(
    const struct floors *f, size_t collection, const version_t *as_of);

/* Raises one bucket to at least `floor`. */
void floors_raise(struct floors *f, struct key_slot slot, version_t floor);
/* The same for the pages of a collection. */
void floors_raise_pages(
    struct floors *f, size_t collection, int32_t partition, version_t floor);
/* Raises every bucket of the partition, and the pages of every collection, to
 * at least `base`, and opens it. */
void floors_open(struct floors *f, int32_t partition, version_t base);
/* Closes the partition until floors_open; its floors stay. */
void floors_close(struct floors *f, int32_t partition);
/* Some floors of a closed partition were raised for commits that do not exist.
 * Sets all of them to `floor`, which is above every commit that was heard of
 * and does exist. */
void floors_reset(struct floors *f, int32_t partition, version_t floor);
