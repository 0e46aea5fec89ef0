#include "api/ids.h"

#include "common/check.h"
#include "common/mem.h"

#include <pthread.h>
#include <stdlib.h>

enum { MOST_BLOCKS = 64 };

struct block {
	int64_t next, end;
};

struct pool {
	struct block *blocks; /* in the order of their coming */
	size_t n, cap;
	int64_t left;
	int64_t in_block; /* of the last block, when it came */
	unsigned at_once; /* blocks */
	bool asking;
	bool ran_out; /* before more were there: the next time, twice as many */
	mono_us_t not_before;
};

struct ids {
	pthread_mutex_t lock;
	struct pool *pools;
	size_t n;
};

struct ids *ids_new(size_t n)
{
	struct ids *ids = MEM_NEW(struct ids);
	CHECK_OS(pthread_mutex_init(&ids->lock, NULL));
	ids->pools = mem_zalloc((n + 1) * sizeof *ids->pools);
	ids->n = n;
	return ids;
}

void ids_free(struct ids **ip)
{
	struct ids *ids = *ip;
	if (ids == NULL)
		return;
	for (size_t i = 0; i < ids->n; i++)
		free(ids->pools[i].blocks);
	CHECK_OS(pthread_mutex_destroy(&ids->lock));
	free(ids->pools);
	free(ids);
	*ip = NULL;
}

static struct pool *enter(struct ids *ids, size_t collection)
{
	CHECK(collection < ids->n);
	CHECK_OS(pthread_mutex_lock(&ids->lock));
	return &ids->pools[collection];
}

static void leave(struct ids *ids)
{
	CHECK_OS(pthread_mutex_unlock(&ids->lock));
}

static void drop_first(struct pool *p)
{
	p->n--;
	for (size_t i = 0; i < p->n; i++)
		p->blocks[i] = p->blocks[i + 1];
}

bool ids_take(struct ids *ids, size_t collection, int64_t *out)
{
	struct pool *p = enter(ids, collection);
	bool any = p->n > 0;
	if (any) {
		*out = p->blocks[0].next++;
		p->left--;
		if (p->blocks[0].next == p->blocks[0].end)
			drop_first(p);
	} else if (p->in_block > 0) {
		p->ran_out = true;
	}
	leave(ids);
	return any;
}

unsigned ids_want(struct ids *ids, size_t collection, mono_us_t now)
{
	unsigned blocks = 0;
	struct pool *p = enter(ids, collection);
	if (p->at_once == 0)
		p->at_once = 1;
	int64_t low = p->in_block / 2 * (int64_t)p->at_once;
	if (!p->asking && now >= p->not_before && p->left <= low) {
		p->asking = true;
		blocks = p->at_once;
	}
	leave(ids);
	return blocks;
}

void ids_add(struct ids *ids, size_t collection, int64_t first, int64_t n)
{
	struct pool *p = enter(ids, collection);
	if (n > 0) {
		MEM_GROW(p->blocks, p->cap, p->n);
		p->blocks[p->n++] = (struct block){first, first + n};
		p->left += n;
		p->in_block = n;
	}
	leave(ids);
}

void ids_asked(
    struct ids *ids, size_t collection, dur_us_t pause, mono_us_t now)
{
	struct pool *p = enter(ids, collection);
	p->asking = false;
	if (p->ran_out && p->at_once < MOST_BLOCKS)
		p->at_once *= 2;
	p->ran_out = false;
	p->not_before = pause ? now + pause : 0;
	leave(ids);
}

int64_t ids_left(struct ids *ids, size_t collection)
{
	struct pool *p = enter(ids, collection);
	int64_t left = p->left;
	leave(ids);
	return left;
}
