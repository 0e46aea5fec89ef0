/* Floors: a flat array of versions per partition, and a flag.
 *
 * INV-1: a value may be served iff its as_of >= the floor of its bucket.
 *
 * The race: a request waits for its commit, the tail passes it, the request
 * resumes on another thread and reads. It must see the floor that this commit
 * raised. The tail stores the floor (release) before it says anything to
 * anyone, and readers load it (acquire); what the tail did before it raised a
 * floor is visible to whoever sees that floor.
 */
#include "api/floors.h"

#include "common/check.h"
#include "common/mem.h"

#include <stdatomic.h>
#include <stdlib.h>

struct floors {
	int32_t partitions;
	_Atomic bool *open;
	_Atomic version_t *floors; /* partitions * KEYSPACE_BUCKETS */
};

struct floors *floors_new(int32_t partitions)
{
	CHECK(partitions > 0);
	struct floors *f = MEM_NEW(struct floors);
	size_t n = (size_t)partitions;
	f->partitions = partitions;
	f->open = mem_alloc(n * sizeof *f->open);
	f->floors = mem_alloc(n * KEYSPACE_BUCKETS * sizeof *f->floors);
	for (size_t i = 0; i < n; i++)
		atomic_init(&f->open[i], false);
	for (size_t i = 0; i < n * KEYSPACE_BUCKETS; i++)
		atomic_init(&f->floors[i], 0);
	return f;
}

void floors_free(struct floors **f)
{
	if (*f == NULL)
		return;
	free((*f)->open);
	free((*f)->floors);
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
	/* Acquire: whoever sees it open sees all floors of floors_open. */
	return atomic_load_explicit(&f->open[partition], memory_order_acquire);
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

void floors_raise(struct floors *f, struct key_slot slot, version_t floor)
{
	_Atomic version_t *at = bucket(f, slot);
	/* Relaxed, and no compare-and-swap: this thread is the only writer. */
	if (floor > atomic_load_explicit(at, memory_order_relaxed))
		/* Release: what the tail did before comes with the floor. */
		atomic_store_explicit(at, floor, memory_order_release);
}

void floors_open(struct floors *f, int32_t partition, version_t base)
{
	CHECK(partition >= 0 && partition < f->partitions);
	for (uint32_t b = 0; b < KEYSPACE_BUCKETS; b++)
		floors_raise(f, (struct key_slot){partition, b}, base);
	/* Release: no reader sees the partition open with an older floor. */
	atomic_store_explicit(&f->open[partition], true, memory_order_release);
}
