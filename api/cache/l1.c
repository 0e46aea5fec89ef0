/* L1: shards of a chained hash table and a SIEVE queue, each under its mutex.
 *
 * Invariants, per shard, whenever its mutex is free:
 *  - bytes and entries are within their bounds;
 *  - every entry is in one chain and in the queue, and holds one reference;
 *  - an entry's as_of only grows, until the entry is removed.
 *
 * SIEVE: new entries enter at the head of the queue. The hand walks from the
 * tail towards the head and clears visited bits. It evicts the first entry
 * whose bit is clear, and stays where that was. A hit sets the bit and moves
 * nothing.
 *
 * The race: a reader fills a value that it read before a commit, after the
 * tail has replaced the entry by that commit. If L1 has the key, the older
 * as_of is refused here. If not, the value is inserted, but INV-1 keeps every
 * reader from serving it.
 *
 * Values are released after the mutex, because the last reference may have an
 * HTTP response to destroy.
 */
#include "api/cache/l1.h"

#include "common/base/check.h"
#include "common/base/hash.h"
#include "common/base/mem.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CHAINS 64
/* Bytes of an entry, to be assumed while there is none. */
#define TYPICAL 1024

struct entry {
	struct entry *chain;
	struct entry *newer; /* towards the head of the queue */
	struct entry *older; /* towards its tail */
	uint64_t hash;
	mono_us_t expires;
	struct value *value;
	bool visited;
	size_t bytes; /* as counted at first: the value's cost may grow later */
	size_t len;
	char id[];
};

struct shard {
	pthread_mutex_t lock;
	struct entry **chains;
	size_t mask; /* number of chains - 1 */
	struct entry *head;
	struct entry *tail;
	struct entry *hand; /* NULL: at the tail */
	struct entry *dead; /* removed; to be released after the mutex */
	size_t max_bytes;
	size_t max_entries; /* 0: no limit */
	struct l1_stats stats;
};

struct l1 {
	unsigned shards;
	struct shard *shard;
};

struct key {
	const char *id;
	size_t len;
	uint64_t hash;
};

struct l1 *l1_new(size_t max_bytes, size_t max_entries, unsigned shards)
{
	CHECK(shards > 0 && (shards & (shards - 1)) == 0);
	struct l1 *l1 = MEM_NEW(struct l1);
	l1->shards = shards;
	l1->shard = mem_zalloc(shards * sizeof *l1->shard);
	for (unsigned i = 0; i < shards; i++) {
		struct shard *s = &l1->shard[i];
		CHECK_OS(pthread_mutex_init(&s->lock, NULL));
		s->chains = mem_zalloc(FIRST_CHAINS * sizeof(struct entry *));
		s->mask = FIRST_CHAINS - 1;
		s->max_bytes = max_bytes / shards;
		if (max_entries)
			s->max_entries =
			    max_entries < shards ? 1 : max_entries / shards;
	}
	return l1;
}

static void release_all(struct entry *dead)
{
	while (dead) {
		struct entry *next = dead->chain;
		value_drop(&dead->value);
		free(dead);
		dead = next;
	}
}

static struct shard *l1_lock(struct l1 *l1, const struct key *key)
{
	/* The chains use the low bits, so the shards use the high ones. */
	struct shard *s = &l1->shard[(key->hash >> 32) & (l1->shards - 1)];
	CHECK_OS(pthread_mutex_lock(&s->lock));
	return s;
}

static void l1_unlock(struct shard *s)
{
	struct entry *dead = s->dead;
	s->dead = NULL;
	CHECK_OS(pthread_mutex_unlock(&s->lock));
	release_all(dead);
}

/* The bytes that an entry counts for: all that it holds, and the head of its
 * chain. */
static size_t cost(const struct value *v, size_t len)
{
	return value_cost(v) + sizeof(struct entry) + len +
	       sizeof(struct entry *);
}

static struct key l1_key_of(const char *id, size_t len)
{
	return (struct key){.id = id, .len = len, .hash = hash_bytes(id, len)};
}

/* The link that points to the key's entry; if there is none, to NULL at the
 * place where it would be. */
static struct entry **l1_find(struct shard *s, const struct key *key)
{
	struct entry **link = &s->chains[key->hash & s->mask];
	while (
	    *link && !((*link)->hash == key->hash && (*link)->len == key->len &&
			 memcmp((*link)->id, key->id, key->len) == 0))
		link = &(*link)->chain;
	return link;
}

static void l1_enqueue(struct shard *s, struct entry *e)
{
	e->newer = NULL;
	e->older = s->head;
	if (s->head)
		s->head->newer = e;
	else
		s->tail = e;
	s->head = e;
}

static void dequeue(struct shard *s, struct entry *e)
{
	if (s->hand == e)
		s->hand = e->newer;
	if (e->newer)
		e->newer->older = e->older;
	else
		s->head = e->older;
	if (e->older)
		e->older->newer = e->newer;
	else
		s->tail = e->newer;
}

/* Unlinks the entry; unlock() releases it. */
static void l1_drop(struct shard *s, struct entry **link)
{
	struct entry *e = *link;
	*link = e->chain;
	dequeue(s, e);
	s->stats.entries--;
	s->stats.bytes -= e->bytes;
	e->chain = s->dead;
	s->dead = e;
}

static void evict(struct shard *s)
{
	struct entry *e = s->hand ? s->hand : s->tail;
	while (e->visited) {
		e->visited = false;
		e = e->newer ? e->newer : s->tail;
	}
	s->hand = e;
	struct entry **link = &s->chains[e->hash & s->mask];
	while (*link != e)
		link = &(*link)->chain;
	l1_drop(s, link); /* also moves the hand on */
	s->stats.evictions++;
}

static void l1_make_room(struct shard *s, size_t bytes, size_t entries)
{
	while (s->stats.bytes + bytes > s->max_bytes ||
	       (s->max_entries && s->stats.entries + entries > s->max_entries))
		evict(s);
}

static void grow(struct shard *s)
{
	size_t chains = (s->mask + 1) * 2;
	struct entry **bigger = mem_zalloc(chains * sizeof(struct entry *));
	for (struct entry *e = s->head; e; e = e->older) {
		struct entry **link = &bigger[e->hash & (chains - 1)];
		e->chain = *link;
		*link = e;
	}
	free(s->chains);
	s->chains = bigger;
	s->mask = chains - 1;
}

static void l1_insert(
    struct shard *s, const struct key *key, struct value *v, mono_us_t expires)
{
	struct entry *e = mem_alloc(sizeof *e + key->len);
	size_t bytes = cost(v, key->len);
	l1_make_room(s, bytes, 1);
	if (s->stats.entries > s->mask)
		grow(s);
	*e = (struct entry){.hash = key->hash,
	    .expires = expires,
	    .value = value_keep(v),
	    .bytes = bytes,
	    .len = key->len};
	memcpy(e->id, key->id, key->len);
	struct entry **link = &s->chains[key->hash & s->mask];
	e->chain = *link;
	*link = e;
	l1_enqueue(s, e);
	s->stats.entries++;
	s->stats.bytes += bytes;
}

/* Replaces the value in place, which does not count as a visit. Returns the old
 * value, owned. */
static struct value *l1_refresh(
    struct shard *s, struct entry *e, struct value *v, mono_us_t expires)
{
	struct value *old = e->value;
	s->stats.bytes -= e->bytes;
	e->bytes = cost(v, e->len);
	s->stats.bytes += e->bytes;
	e->value = value_keep(v);
	e->expires = expires;
	l1_make_room(s, 0, 0);
	return old;
}

enum absent { ABSENT_INSERT, ABSENT_SKIP };

static void store(struct l1 *l1, const struct key *key, struct value *v,
    mono_us_t expires, enum absent absent)
{
	struct value *old = NULL;
	struct shard *s = l1_lock(l1, key);
	struct entry **link = l1_find(s, key);
	bool fits = cost(v, key->len) <= s->max_bytes / 8;
	if (*link == NULL) {
		if (fits && absent == ABSENT_INSERT)
			l1_insert(s, key, v, expires);
	} else if ((*link)->value->as_of <= v->as_of) {
		if (fits)
			old = l1_refresh(s, *link, v, expires);
		else
			l1_drop(s, link);
	}
	l1_unlock(s);
	if (old)
		value_drop(&old);
}

void l1_put(struct l1 *l1, const char *id, size_t len, struct value *v,
    mono_us_t expires)
{
	struct key key = l1_key_of(id, len);
	store(l1, &key, v, expires, ABSENT_INSERT);
}

void l1_replace(struct l1 *l1, const char *id, size_t len, struct value *v,
    mono_us_t expires)
{
	struct key key = l1_key_of(id, len);
	store(l1, &key, v, expires, ABSENT_SKIP);
}

struct value *l1_get(struct l1 *l1, const char *id, size_t len, mono_us_t now)
{
	struct key key = l1_key_of(id, len);
	struct value *v = NULL;
	struct shard *s = l1_lock(l1, &key);
	struct entry **link = l1_find(s, &key);
	if (*link && (*link)->expires <= now) {
		l1_drop(s, link);
		s->stats.expirations++;
	} else if (*link) {
		(*link)->visited = true;
		v = value_ref((*link)->value);
	}
	l1_unlock(s);
	return v;
}

void l1_remove(struct l1 *l1, const char *id, size_t len)
{
	struct key key = l1_key_of(id, len);
	struct shard *s = l1_lock(l1, &key);
	struct entry **link = l1_find(s, &key);
	if (*link)
		l1_drop(s, link);
	l1_unlock(s);
}

size_t l1_purge(struct l1 *l1, const char *prefix, size_t len)
{
	size_t n = 0;
	for (unsigned i = 0; i < l1->shards; i++) {
		struct shard *s = &l1->shard[i];
		struct entry *older;
		CHECK_OS(pthread_mutex_lock(&s->lock));
		for (struct entry *e = s->head; e; e = older) {
			older = e->older;
			if (e->len < len || memcmp(e->id, prefix, len) != 0)
				continue;
			struct entry **link = &s->chains[e->hash & s->mask];
			while (*link != e)
				link = &(*link)->chain;
			l1_drop(s, link);
			n++;
		}
		l1_unlock(s);
	}
	return n;
}

struct value *l1_peek(struct l1 *l1, const char *id, size_t len, mono_us_t now,
    mono_us_t *expires)
{
	struct key key = l1_key_of(id, len);
	struct value *v = NULL;
	struct shard *s = l1_lock(l1, &key);
	const struct entry *e = *l1_find(s, &key);
	if (e && e->expires > now) {
		v = value_ref(e->value);
		*expires = e->expires;
	}
	l1_unlock(s);
	return v;
}

size_t l1_sample(struct l1 *l1, mono_us_t now, char *id, size_t most)
{
	size_t n = 0;
	for (unsigned i = 0; n == 0 && i < l1->shards; i++) {
		struct shard *s = &l1->shard[i];
		CHECK_OS(pthread_mutex_lock(&s->lock));
		const struct entry *e = s->head;
		if (e && e->expires > now && e->len <= most &&
		    e->value->present && !e->value->page)
			memcpy(id, e->id, n = e->len);
		l1_unlock(s);
	}
	return n;
}

struct l1_stats l1_stats(struct l1 *l1)
{
	struct l1_stats sum = {0};
	uint64_t max_bytes = 0, max_entries = 0;
	for (unsigned i = 0; i < l1->shards; i++) {
		struct shard *s = &l1->shard[i];
		CHECK_OS(pthread_mutex_lock(&s->lock));
		sum.entries += s->stats.entries;
		sum.bytes += s->stats.bytes;
		sum.evictions += s->stats.evictions;
		sum.expirations += s->stats.expirations;
		max_bytes += s->max_bytes;
		max_entries += s->max_entries;
		CHECK_OS(pthread_mutex_unlock(&s->lock));
	}
	sum.most =
	    max_bytes / (sum.entries ? sum.bytes / sum.entries : TYPICAL);
	if (max_entries && max_entries < sum.most)
		sum.most = max_entries;
	return sum;
}

void l1_free(struct l1 **l1)
{
	if (*l1 == NULL)
		return;
	for (unsigned i = 0; i < (*l1)->shards; i++) {
		struct shard *s = &(*l1)->shard[i];
		while (s->head) {
			struct entry *e = s->head;
			s->head = e->older;
			value_drop(&e->value);
			free(e);
		}
		free(s->chains);
		CHECK_OS(pthread_mutex_destroy(&s->lock));
	}
	free((*l1)->shard);
	free(*l1);
	*l1 = NULL;
}
