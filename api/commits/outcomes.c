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
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The first write of a replay. Most slots have none, so it is not in them. */
struct first {
	struct position position;
	char key[];
};

/* Small: there are many. */
struct slot {
	version_t version;
	struct first *first; /* owned; NULL: not a replay */
	uint8_t kind, reason;
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

static void drop_lowest(struct ring *r)
{
	free(outcomes_at(r, 0)->first);
	r->first = (r->first + 1) % r->capacity;
	r->count--;
}

void outcomes_free(struct outcomes **o)
{
	if (*o == NULL)
		return;
	for (int32_t p = 0; p < (*o)->partitions; p++) {
		struct ring *r = &(*o)->rings[p];
		while (r->count > 0)
			drop_lowest(r);
		CHECK_OS(pthread_mutex_destroy(&r->lock));
		free(r->slots);
	}
	free((*o)->rings);
	free(*o);
	*o = NULL;
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
	while (r->count > 0 && outcomes_at(r, 0)->version < r->known_from)
		drop_lowest(r);
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
	while (r->count > 0)
		drop_lowest(r);
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

/* Takes what the slot owns. False: there is no place for it. */
static bool record(struct ring *r, struct slot slot)
{
	size_t i = rank(r, slot.version);
	if (slot.version < r->known_from ||
	    (i < r->count && outcomes_at(r, i)->version == slot.version))
		return false;
	if (r->count == r->capacity) {
		/* The entry with the lowest version goes; it may be the new
		 * one. */
		forget_below(r,
		    (i == 0 ? slot.version : outcomes_at(r, 0)->version) + 1);
		if (i == 0)
			return false;
		i--;
	}
	outcomes_insert(r, i, slot);
	return true;
}

static struct first *first_keep(const struct outcome_first *from)
{
	if (from == NULL)
		return NULL;
	size_t size = strlen(from->key) + 1;
	struct first *first = mem_alloc(sizeof *first + size);
	first->position = from->position;
	memcpy(first->key, from->key, size);
	return first;
}

void outcomes_record(struct outcomes *o, struct position p,
    struct outcome outcome, const struct outcome_first *first)
{
	CHECK((outcome.kind == OUTCOME_REJECTED) ==
	      (outcome.reason != REASON_NONE));
	CHECK(outcome.replayed == (first != NULL));
	const struct slot slot = {
	    .version = p.version,
	    .first = first_keep(first),
	    .kind = (uint8_t)outcome.kind,
	    .reason = (uint8_t)outcome.reason,
	};
	struct ring *r = outcomes_take(o, p.partition);
	bool kept = record(r, slot);
	outcomes_give(r);
	if (!kept)
		free(slot.first);
}

static struct outcome outcomes_look(
    struct ring *r, version_t version, struct outcome_first *first)
{
	if (!r->started || version < r->known_from)
		return (struct outcome){.kind = OUTCOME_UNKNOWN};
	size_t i = rank(r, version);
	if (i == r->count || outcomes_at(r, i)->version != version)
		return (struct outcome){.kind = OUTCOME_APPLIED};
	const struct slot *slot = outcomes_at(r, i);
	if (slot->first && first) {
		first->position = slot->first->position;
		memcpy(
		    first->key, slot->first->key, strlen(slot->first->key) + 1);
	}
	return (struct outcome){(enum outcome_kind)slot->kind,
	    (enum reason)slot->reason, slot->first != NULL};
}

struct outcome outcomes_get(
    struct outcomes *o, struct position p, struct outcome_first *first)
{
	struct ring *r = outcomes_take(o, p.partition);
	struct outcome outcome = outcomes_look(r, p.version, first);
	outcomes_give(r);
	return outcome;
}

/* False: the mark does not say enough to answer a retry. */
static bool read_first(const struct outcomes *o, const struct record_first *r,
    struct outcome_first *out)
{
	if (!r->has_position || r->position.partition >= o->partitions ||
	    r->outcome.s == NULL || r->key.len > COLLECTION_KEY_MAX)
		return false;
	out->position = r->position;
	snprintf(out->key, sizeof out->key, "%s", r->key.s ? r->key.s : "");
	return true;
}

void outcomes_verdict(
    struct outcomes *o, int32_t partition, const struct record_verdict *v)
{
	const struct position p = {partition, v->version};
	struct outcome outcome = {OUTCOME_REJECTED, v->reason, v->replayed};
	struct outcome_first first;
	if (v->replayed && read_first(o, &v->first, &first))
		outcome.kind = outcome_parse(
		    v->first.outcome.s, v->first.outcome.len, &outcome.reason);
	else if (v->replayed)
		outcome = (struct outcome){.kind = OUTCOME_UNKNOWN};
	outcomes_record(o, p, outcome, outcome.replayed ? &first : NULL);
}
