/* Outcomes of recent writes: one ring per partition, sorted by version.
 *
 * Invariant: a write at or above `known_from` that is not in the ring simply
 * replaced a row. If an entry is evicted, `known_from` is raised past it. So a
 * forgotten outcome becomes "unknown", never "applied".
 *
 * The race: records of a batch are heard before the first mark (or the jump)
 * that starts the partition. They are kept, so that a write that the start does
 * not cover is not taken for a plain update.
 */
#include "api/commits/outcomes.h"

#include "common/base/check.h"
#include "common/base/mem.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

struct slot {
	version_t version;
	struct outcome outcome;
};

struct ring {
	pthread_mutex_t lock;
	bool started;
	version_t known_from;
	size_t capacity;
	size_t first; /* index of the lowest version */
	size_t count;
	struct slot *slots;
};

struct outcomes {
	int32_t partitions;
	struct ring *rings;
};

struct outcomes *outcomes_new(int32_t partitions, size_t capacity)
{
	CHECK(partitions > 0 && capacity > 0);
	struct outcomes *o = MEM_NEW(struct outcomes);
	o->partitions = partitions;
	o->rings = mem_zalloc((size_t)partitions * sizeof *o->rings);
	for (int32_t p = 0; p < partitions; p++) {
		struct ring *r = &o->rings[p];
		CHECK_OS(pthread_mutex_init(&r->lock, NULL));
		r->capacity = capacity;
		r->slots = mem_zalloc(capacity * sizeof *r->slots);
	}
	return o;
}

void outcomes_free(struct outcomes **o)
{
	if (*o == NULL)
		return;
	for (int32_t p = 0; p < (*o)->partitions; p++) {
		CHECK_OS(pthread_mutex_destroy(&(*o)->rings[p].lock));
		free((*o)->rings[p].slots);
	}
	free((*o)->rings);
	free(*o);
	*o = NULL;
}

static struct ring *outcomes_take(struct outcomes *o, int32_t partition)
{
	CHECK(partition >= 0 && partition < o->partitions);
	struct ring *r = &o->rings[partition];
	CHECK_OS(pthread_mutex_lock(&r->lock));
	return r;
}

static void outcomes_give(struct ring *r)
{
	CHECK_OS(pthread_mutex_unlock(&r->lock));
}

static struct slot *outcomes_at(struct ring *r, size_t i)
{
	return &r->slots[(r->first + i) % r->capacity];
}

/* Number of entries below `version`: the index where it is, or belongs. */
static size_t rank(struct ring *r, version_t version)
{
	size_t low = 0;
	size_t high = r->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (outcomes_at(r, middle)->version < version)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void forget_below(struct ring *r, version_t from)
{
	if (from > r->known_from)
		r->known_from = from;
	while (r->count > 0 && outcomes_at(r, 0)->version < r->known_from) {
		r->first = (r->first + 1) % r->capacity;
		r->count--;
	}
}

void outcomes_start(struct outcomes *o, int32_t partition, version_t from)
{
	struct ring *r = outcomes_take(o, partition);
	r->started = true;
	forget_below(r, from);
	outcomes_give(r);
}

void outcomes_forget(struct outcomes *o, int32_t partition)
{
	struct ring *r = outcomes_take(o, partition);
	r->started = false;
	r->known_from = 0;
	r->first = r->count = 0;
	outcomes_give(r);
}

/* Records mostly ascend, so `i` is mostly the end, and nothing is moved. */
static void outcomes_insert(struct ring *r, size_t i, struct slot slot)
{
	for (size_t j = r->count; j > i; j--)
		*outcomes_at(r, j) = *outcomes_at(r, j - 1);
	r->count++;
	*outcomes_at(r, i) = slot;
}

static void record(struct ring *r, struct slot slot)
{
	size_t i = rank(r, slot.version);
	if (slot.version < r->known_from ||
	    (i < r->count && outcomes_at(r, i)->version == slot.version))
		return;
	if (r->count == r->capacity) {
		/* The entry with the lowest version goes; it may be the new
		 * one. */
		forget_below(r,
		    (i == 0 ? slot.version : outcomes_at(r, 0)->version) + 1);
		if (i == 0)
			return;
		i--;
	}
	outcomes_insert(r, i, slot);
}

void outcomes_record(
    struct outcomes *o, struct position p, struct outcome outcome)
{
	CHECK(outcome.kind != OUTCOME_UNKNOWN);
	CHECK((outcome.kind == OUTCOME_REJECTED) ==
	      (outcome.reason != REASON_NONE));
	struct ring *r = outcomes_take(o, p.partition);
	record(r, (struct slot){.version = p.version, .outcome = outcome});
	outcomes_give(r);
}

static struct outcome outcomes_look(struct ring *r, version_t version)
{
	if (!r->started || version < r->known_from)
		return (struct outcome){.kind = OUTCOME_UNKNOWN};
	size_t i = rank(r, version);
	if (i < r->count && outcomes_at(r, i)->version == version)
		return outcomes_at(r, i)->outcome;
	return (struct outcome){.kind = OUTCOME_APPLIED};
}

struct outcome outcomes_get(struct outcomes *o, struct position p)
{
	struct ring *r = outcomes_take(o, p.partition);
	struct outcome outcome = outcomes_look(r, p.version);
	outcomes_give(r);
	return outcome;
}
