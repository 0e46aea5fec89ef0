#include "api/access/token_cache.h"

#include "common/base/hash.h"
#include "common/base/mem.h"

#include <stdlib.h>
#include <string.h>

struct entry {
	struct entry *next;	     /* in its bucket */
	struct entry *newer, *older; /* by use */
	struct principal *principal;
	uint64_t hash;
	size_t bytes;
	size_t len;
	char text[];
};

struct token_cache {
	struct entry **buckets;
	size_t mask;
	struct entry *newest, *oldest;
	size_t entries, most_entries;
	size_t bytes, most_bytes;
	uint64_t generation;
};

struct token_cache *token_cache_new(size_t entries, size_t bytes)
{
	struct token_cache *c = MEM_NEW(struct token_cache);
	size_t buckets = 1;
	while (buckets < entries)
		buckets *= 2;
	c->buckets = mem_zalloc(buckets * sizeof(struct entry *));
	c->mask = buckets - 1;
	c->most_entries = entries;
	c->most_bytes = bytes;
	return c;
}

/* --- the list by use ----------------------------------------------------- */

static void token_cache_unlink(struct token_cache *c, struct entry *e)
{
	*(e->newer ? &e->newer->older : &c->newest) = e->older;
	*(e->older ? &e->older->newer : &c->oldest) = e->newer;
}

static void token_cache_link(struct token_cache *c, struct entry *e)
{
	e->newer = NULL;
	e->older = c->newest;
	*(c->newest ? &c->newest->newer : &c->oldest) = e;
	c->newest = e;
}

/* ------------------------------------------------------------------------- */

/* The place that points to the entry; *place is NULL: it is not there. */
static struct entry **token_cache_place(
    struct token_cache *c, uint64_t hash, const char *text, size_t len)
{
	struct entry **place = &c->buckets[hash & c->mask];
	while (*place && ((*place)->hash != hash || (*place)->len != len ||
			     memcmp((*place)->text, text, len) != 0))
		place = &(*place)->next;
	return place;
}

static void token_cache_drop(struct token_cache *c, struct entry *e)
{
	*token_cache_place(c, e->hash, e->text, e->len) = e->next;
	token_cache_unlink(c, e);
	c->entries--;
	c->bytes -= e->bytes;
	principal_unref(&e->principal);
	free(e);
}

static void drop_all(struct token_cache *c)
{
	while (c->oldest)
		token_cache_drop(c, c->oldest);
}

void token_cache_free(struct token_cache **cp)
{
	struct token_cache *c = *cp;
	*cp = NULL;
	if (c == NULL)
		return;
	drop_all(c);
	free(c->buckets);
	free(c);
}

static void token_cache_renew(struct token_cache *c, uint64_t generation)
{
	if (c->generation == generation)
		return;
	drop_all(c);
	c->generation = generation;
}

struct principal *token_cache_get(struct token_cache *c, uint64_t generation,
    const char *text, size_t len, int64_t now)
{
	token_cache_renew(c, generation);
	struct entry *e =
	    *token_cache_place(c, hash_bytes(text, len), text, len);
	if (e && now >= e->principal->expires) {
		token_cache_drop(c, e);
		e = NULL;
	}
	if (e == NULL)
		return NULL;
	if (e != c->newest) {
		token_cache_unlink(c, e);
		token_cache_link(c, e);
	}
	return e->principal;
}

static size_t size_of(const struct principal *p, size_t len)
{
	size_t bytes = sizeof(struct entry) + sizeof *p + len;
	for (size_t i = 0; i < CLAIMS_MAX; i++)
		bytes += p->claims[i] ? strlen(p->claims[i]) + 1 : 0;
	return bytes;
}

void token_cache_put(struct token_cache *c, uint64_t generation,
    const char *text, size_t len, struct principal *p)
{
	size_t bytes = size_of(p, len);
	token_cache_renew(c, generation);
	if (bytes > c->most_bytes)
		return;
	while (
	    c->entries == c->most_entries || c->bytes + bytes > c->most_bytes)
		token_cache_drop(c, c->oldest);
	struct entry *e = mem_zalloc(sizeof *e + len);
	e->principal = principal_ref(p);
	e->hash = hash_bytes(text, len);
	e->bytes = bytes;
	e->len = len;
	memcpy(e->text, text, len);
	e->next = c->buckets[e->hash & c->mask];
	c->buckets[e->hash & c->mask] = e;
	token_cache_link(c, e);
	c->entries++;
	c->bytes += bytes;
}

size_t token_cache_entries(const struct token_cache *c)
{
	return c->entries;
}

size_t token_cache_bytes(const struct token_cache *c)
{
	return c->bytes;
}
