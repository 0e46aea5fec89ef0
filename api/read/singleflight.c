#include "api/read/singleflight.h"

#include "common/base/check.h"
#include "common/base/hash.h"
#include "common/base/mem.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* There are few flights at any time, so a list per shard is enough. */
struct flight {
	struct flight *next;
	struct singleflight_waiter *waiters, **tail;
	uint64_t mode;
	uint64_t hash;
	size_t len;
	char id[];
};

struct shard {
	pthread_mutex_t lock;
	struct flight *flights;
	size_t waiting;
};

struct singleflight {
	unsigned n;
	struct shard shards[];
};

struct singleflight *singleflight_new(unsigned shards)
{
	struct singleflight *f =
	    mem_zalloc(sizeof *f + shards * sizeof(struct shard));
	f->n = shards;
	for (unsigned i = 0; i < shards; i++)
		CHECK_OS(pthread_mutex_init(&f->shards[i].lock, NULL));
	return f;
}

void singleflight_free(struct singleflight **fp)
{
	struct singleflight *f = *fp;
	if (f == NULL)
		return;
	for (unsigned i = 0; i < f->n; i++) {
		CHECK(f->shards[i].flights == NULL);
		pthread_mutex_destroy(&f->shards[i].lock);
	}
	free(f);
	*fp = NULL;
}

static struct shard *lock_shard(struct singleflight *f, uint64_t hash)
{
	struct shard *s = &f->shards[hash % f->n];
	pthread_mutex_lock(&s->lock);
	return s;
}

/* The link that points to the flight; if there is none, to NULL. */
static struct flight **singleflight_find(
    struct shard *s, uint64_t mode, uint64_t hash, const char *id, size_t len)
{
	struct flight **at = &s->flights;
	while (*at && ((*at)->hash != hash || (*at)->mode != mode ||
			  (*at)->len != len || memcmp((*at)->id, id, len) != 0))
		at = &(*at)->next;
	return at;
}

bool singleflight_join(struct singleflight *f, uint64_t mode, const char *id,
    size_t len, struct singleflight_waiter *w)
{
	uint64_t hash = hash_bytes(id, len);
	struct shard *s = lock_shard(f, hash);
	struct flight **at = singleflight_find(s, mode, hash, id, len);
	bool leads = *at == NULL;
	if (leads) {
		struct flight *new = mem_zalloc(sizeof *new + len);
		new->tail = &new->waiters;
		new->mode = mode;
		new->hash = hash;
		new->len = len;
		memcpy(new->id, id, len);
		*at = new;
	}
	w->next = NULL;
	*(*at)->tail = w;
	(*at)->tail = &w->next;
	s->waiting++;
	pthread_mutex_unlock(&s->lock);
	return leads;
}

bool singleflight_leave(struct singleflight *f, uint64_t mode, const char *id,
    size_t len, struct singleflight_waiter *w)
{
	uint64_t hash = hash_bytes(id, len);
	struct shard *s = lock_shard(f, hash);
	struct flight *flight = *singleflight_find(s, mode, hash, id, len);
	bool found = false;
	struct singleflight_waiter **at = flight ? &flight->waiters : NULL;
	for (; at && *at; at = &(*at)->next) {
		if (*at != w)
			continue;
		*at = w->next;
		if (w->next == NULL)
			flight->tail = at;
		s->waiting--;
		found = true;
		break;
	}
	pthread_mutex_unlock(&s->lock);
	return found;
}

struct singleflight_waiter *singleflight_land(
    struct singleflight *f, uint64_t mode, const char *id, size_t len)
{
	uint64_t hash = hash_bytes(id, len);
	struct shard *s = lock_shard(f, hash);
	struct flight **at = singleflight_find(s, mode, hash, id, len);
	struct flight *flight = *at;
	CHECK(flight != NULL);
	*at = flight->next;
	for (struct singleflight_waiter *w = flight->waiters; w; w = w->next)
		s->waiting--;
	pthread_mutex_unlock(&s->lock);
	struct singleflight_waiter *waiters = flight->waiters;
	free(flight);
	return waiters;
}

size_t singleflight_waiting(struct singleflight *f)
{
	size_t n = 0;
	for (unsigned i = 0; i < f->n; i++) {
		pthread_mutex_lock(&f->shards[i].lock);
		n += f->shards[i].waiting;
		pthread_mutex_unlock(&f->shards[i].lock);
	}
	return n;
}
