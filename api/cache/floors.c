/* Floors: a flat array of versions per partition, and a flag. For pages: one
 * version per collection and partition.
 *
 * INV-1: a value may be served iff its as_of >= the floor of its bucket.
 *
 * The race: a request waits for its commit, the tail passes it, the request
 * resumes on another thread and reads. It must see the floor that this commit
 * raised. Therefore the tail stores the floor (release) before it informs other
 * threads, and readers load it (acquire). A reader that sees a floor also sees
 * everything that the tail did before it raised the floor.
 */
#include "api/cache/floors.h"

#include "common/base/check.h"
#include "common/base/mem.h"

#include <stdatomic.h>
#include <stdlib.h>

struct floors {
	int32_t partitions;
	_Atomic bool *open;
	_Atomic version_t *floors; /* partitions * KEYSPACE_BUCKETS */
	size_t collections;
	_Atomic version_t *pages; /* collections * partitions */
};

static _Atomic version_t *zeroes(size_t n)
{
	_Atomic version_t *v = mem_alloc(n * sizeof *v);
	for (size_t i = 0; i < n; i++)
		atomic_init(&v[i], 0);
	return v;
}

struct floors *floors_new(int32_t partitions, size_t collections)
{
	CHECK(partitions > 0 && collections > 0);
	struct floors *f = MEM_NEW(struct floors);
	size_t n = (size_t)partitions;
	f->partitions = partitions;
	f->open = mem_alloc(n * sizeof *f->open);
	for (size_t i = 0; i < n; i++)
		atomic_init(&f->open[i], false);
	f->floors = zeroes(n * KEYSPACE_BUCKETS);
	f->collections = collections;
	f->pages = zeroes(n * collections);
	return f;
}

void floors_free(struct floors **f)
{
	if (*f == NULL)
		return;
	free((*f)->open);
	free((*f)->floors);
	free((*f)->pages);
	free(*f);
	*f = NULL;
}

static _Atomic version_t *bucket(const struct floors *f, struct key_slot slot)
{
	CHECK(slot.partition >= 0 && slot.partition < f->partitions);
	CHECK(slot.bucket < KEYSPACE_BUCKETS);
	return &f->floors[(size_t)slot.partition * KEYSPACE_BUCKETS +
			  slot.bucket];
}

bool floors_is_open(const struct floors *f, int32_t partition)
{
	CHECK(partition >= 0 && partition < f->partitions);
	/* Acquire: if it is seen open, all floors of floors_open are seen, too.
	 */
	return atomic_load_explicit(&f->open[partition], memory_order_acquire);
}

bool floors_all_open(const struct floors *f)
{
	for (int32_t p = 0; p < f->partitions; p++) {
		if (!floors_is_open(f, p))
			return false;
	}
	return true;
}

version_t floors_get(const struct floors *f, struct key_slot slot)
{
	_Atomic version_t *floor = bucket(f, slot);
	if (!floors_is_open(f, slot.partition))
		return FLOORS_CLOSED;
	/* Acquire: pairs with the tail's release in floors_raise. */
	return atomic_load_explicit(floor, memory_order_acquire);
}

bool floors_allow(const struct floors *f, struct key_slot slot, version_t as_of)
{
	version_t floor = floors_get(f, slot);
	return floor != FLOORS_CLOSED && as_of >= floor;
}

bool floors_allow_primary(
    const struct floors *f, struct key_slot slot, version_t as_of)
{
	/* Acquire: as in floors_get. */
	return as_of >=
	       atomic_load_explicit(bucket(f, slot), memory_order_acquire);
}

/* --- pages --------------------------------------------------------------- */

static _Atomic version_t *pages(const struct floors *f, size_t collection)
{
	CHECK(collection < f->collections);
	return &f->pages[collection * (size_t)f->partitions];
}

bool floors_allow_page_primary(
    const struct floors *f, size_t collection, const version_t *as_of)
{
	_Atomic version_t *floor = pages(f, collection);
	for (int32_t p = 0; p < f->partitions; p++) {
		/* Acquire: as in floors_get. */
		if (as_of[p] <
		    atomic_load_explicit(&floor[p], memory_order_acquire))
			return false;
	}
	return true;
}

bool floors_allow_page(
    const struct floors *f, size_t collection, const version_t *as_of)
{
	return floors_all_open(f) &&
	       floors_allow_page_primary(f, collection, as_of);
}

/* --- raising ------------------------------------------------------------- */

static void raise(_Atomic version_t *at, version_t floor)
{
	/* Relaxed, and no compare-and-swap: this thread is the only writer. */
	if (floor > atomic_load_explicit(at, memory_order_relaxed))
		/* Release: a reader that sees the floor sees what the tail did
		 * before. */
		atomic_store_explicit(at, floor, memory_order_release);
}

void floors_raise(struct floors *f, struct key_slot slot, version_t floor)
{
	raise(bucket(f, slot), floor);
}

void floors_raise_pages(
    struct floors *f, size_t collection, int32_t partition, version_t floor)
{
	CHECK(partition >= 0 && partition < f->partitions);
	raise(&pages(f, collection)[partition], floor);
}

void floors_close(struct floors *f, int32_t partition)
{
	CHECK(partition >= 0 && partition < f->partitions);
	atomic_store_explicit(&f->open[partition], false, memory_order_release);
}

void floors_reset(struct floors *f, int32_t partition, version_t floor)
{
	CHECK(!floors_is_open(f, partition));
	for (uint32_t b = 0; b < KEYSPACE_BUCKETS; b++)
		atomic_store_explicit(
		    bucket(f, (struct key_slot){partition, b}), floor,
		    memory_order_release);
	for (size_t c = 0; c < f->collections; c++)
		atomic_store_explicit(
		    &pages(f, c)[partition], floor, memory_order_release);
}

void floors_open(struct floors *f, int32_t partition, version_t base)
{
	CHECK(partition >= 0 && partition < f->partitions);
	for (uint32_t b = 0; b < KEYSPACE_BUCKETS; b++)
		floors_raise(f, (struct key_slot){partition, b}, base);
	for (size_t c = 0; c < f->collections; c++)
		floors_raise_pages(f, c, partition, base);
	/* Release: no reader sees the partition open with an older floor. */
	atomic_store_explicit(&f->open[partition], true, memory_order_release);
}
