#include "api/write/id_blocks.h"

#include "common/base/check.h"
#include "common/base/mem.h"

#include <pthread.h>
#include <stdlib.h>

/* Maximum of blocks to ask for at once, and to hold. More blocks than that come
 * only if all requests want ids of the same few partitions. Then the oldest
 * block is dropped, unused. */
enum { MOST_BLOCKS = 64, MOST_HELD = 4 * MOST_BLOCKS };

struct block {
	uint64_t serial; /* ascends in the order of arrival */
	int64_t begin, next, end;
	int64_t left;
	/* A bitmap of the ids from `begin` that were given out; NULL: none
	 * were. `next` was not. */
	uint64_t *given;
};

/* Where to search for an id of a partition: there is none before. So no id is
 * checked twice for a partition. */
struct spot {
	uint64_t serial;
	int64_t at;
};

struct pool {
	struct block *blocks; /* in the order of arrival */
	size_t n, cap;
	uint64_t serials;
	int64_t left;
	int64_t in_block;   /* number of ids of the last block */
	unsigned at_once;   /* number of blocks to ask for */
	struct spot *spots; /* by partition; NULL: no request needed one */
	bool lacks;	    /* a partition's ids are needed, and none is here */
	bool asking;
	bool ran_out; /* next time, ask for twice as many */
	mono_us_t not_before;
};

struct id_blocks {
	pthread_mutex_t lock;
	struct pool *pools;
	size_t n;
};

static bool is_given(const struct block *b, int64_t id)
{
	size_t i = (size_t)(id - b->begin);
	return b->given && (b->given[i / 64] >> i % 64 & 1);
}

static void id_blocks_drop(struct pool *p, size_t i)
{
	p->left -= p->blocks[i].left;
	free(p->blocks[i].given);
	p->n--;
	for (; i < p->n; i++)
		p->blocks[i] = p->blocks[i + 1];
}

static void mark(struct block *b, int64_t id)
{
	size_t i = (size_t)(id - b->begin);
	if (b->given == NULL)
		b->given = mem_zalloc(
		    (size_t)(b->end - b->begin + 63) / 64 * sizeof *b->given);
	b->given[i / 64] |= UINT64_C(1) << i % 64;
}

/* Gives out an id of this block; drops the block if nothing is left. */
static void id_blocks_give(struct pool *p, size_t block, int64_t id)
{
	struct block *b = &p->blocks[block];
	b->left--;
	p->left--;
	if (id > b->next)
		mark(b, id);
	else
		b->next++;
	while (b->next < b->end && is_given(b, b->next))
		b->next++;
	if (b->next == b->end)
		id_blocks_drop(p, block);
}

struct id_blocks *id_blocks_new(size_t n)
{
	struct id_blocks *ids = MEM_NEW(struct id_blocks);
	CHECK_OS(pthread_mutex_init(&ids->lock, NULL));
	ids->pools = mem_zalloc((n + 1) * sizeof *ids->pools);
	ids->n = n;
	return ids;
}

void id_blocks_free(struct id_blocks **ip)
{
	struct id_blocks *ids = *ip;
	if (ids == NULL)
		return;
	for (size_t i = 0; i < ids->n; i++) {
		struct pool *p = &ids->pools[i];
		while (p->n > 0)
			id_blocks_drop(p, 0);
		free(p->blocks);
		free(p->spots);
	}
	CHECK_OS(pthread_mutex_destroy(&ids->lock));
	free(ids->pools);
	free(ids);
	*ip = NULL;
}

static struct pool *id_blocks_enter(struct id_blocks *ids, size_t collection)
{
	CHECK(collection < ids->n);
	CHECK_OS(pthread_mutex_lock(&ids->lock));
	return &ids->pools[collection];
}

static void id_blocks_leave(struct id_blocks *ids)
{
	CHECK_OS(pthread_mutex_unlock(&ids->lock));
}

bool id_blocks_take(struct id_blocks *ids, size_t collection, int64_t *out)
{
	struct pool *p = id_blocks_enter(ids, collection);
	bool any = p->n > 0;
	if (any) {
		*out = p->blocks[0].next;
		id_blocks_give(p, 0, *out);
	} else if (p->in_block > 0) {
		p->ran_out = true;
	}
	id_blocks_leave(ids);
	return any;
}

/* Finds the first id of the partition, from `spot` on. Returns its block and
 * moves `spot` to it. p->n: there is none, and `spot` is at the end. */
static size_t seek(
    const struct pool *p, const struct home *home, struct spot *spot)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct block *b = &p->blocks[i];
		int64_t at = b->next;
		if (b->serial < spot->serial)
			continue;
		if (b->serial == spot->serial && spot->at > at)
			at = spot->at;
		while (
		    at < b->end && (is_given(b, at) || !home_has_id(home, at)))
			at++;
		*spot = (struct spot){b->serial, at};
		if (at < b->end)
			return i;
	}
	return p->n;
}

bool id_blocks_take_at(
    struct id_blocks *ids, const struct home *home, int64_t *out)
{
	struct pool *p = id_blocks_enter(ids, home->collection->index);
	if (p->spots == NULL)
		p->spots =
		    mem_zalloc((size_t)home->partitions * sizeof *p->spots);
	struct spot *spot = &p->spots[home->partition];
	size_t i = seek(p, home, spot);
	bool any = i < p->n;
	if (any) {
		*out = spot->at;
		id_blocks_give(p, i, *out);
	} else {
		p->lacks = true;
		/* With many partitions and small blocks, few blocks have an id
		 * of each. */
		if (p->left < p->in_block * (int64_t)p->at_once)
			p->ran_out = true;
	}
	id_blocks_leave(ids);
	return any;
}

unsigned id_blocks_want(struct id_blocks *ids, size_t collection, mono_us_t now)
{
	unsigned blocks = 0;
	struct pool *p = id_blocks_enter(ids, collection);
	if (p->at_once == 0)
		p->at_once = 1;
	int64_t low = p->in_block / 2 * (int64_t)p->at_once;
	bool few = p->left <= low || p->lacks;
	if (!p->asking && now >= p->not_before && few) {
		p->asking = true;
		p->lacks = false;
		blocks = p->at_once;
	}
	id_blocks_leave(ids);
	return blocks;
}

void id_blocks_add(
    struct id_blocks *ids, size_t collection, int64_t first, int64_t n)
{
	struct pool *p = id_blocks_enter(ids, collection);
	if (n > 0) {
		if (p->n == MOST_HELD)
			id_blocks_drop(p, 0);
		MEM_GROW(p->blocks, p->cap, p->n);
		p->blocks[p->n++] = (struct block){
		    .serial = ++p->serials,
		    .begin = first,
		    .next = first,
		    .end = first + n,
		    .left = n,
		};
		p->left += n;
		p->in_block = n;
	}
	id_blocks_leave(ids);
}

void id_blocks_asked(
    struct id_blocks *ids, size_t collection, dur_us_t pause, mono_us_t now)
{
	struct pool *p = id_blocks_enter(ids, collection);
	p->asking = false;
	if (p->ran_out && p->at_once < MOST_BLOCKS)
		p->at_once *= 2;
	p->ran_out = false;
	p->not_before = pause ? now + pause : 0;
	id_blocks_leave(ids);
}

int64_t id_blocks_left(struct id_blocks *ids, size_t collection)
{
	struct pool *p = id_blocks_enter(ids, collection);
	int64_t left = p->left;
	id_blocks_leave(ids);
	return left;
}
