#include "projector/warm/warm_keys.h"

#include "common/base/check.h"
#include "common/base/hash.h"
#include "common/base/mem.h"
#include "common/log/record.h"

#include <stdlib.h>
#include <string.h>

enum { PLACES = 1 << 17 }; /* 1 MiB */

/* Marks the id as seen. True: it was seen before. If two ids have the same hash
 * of 64 bits, the second is not filled, which is safe. */
static bool was_seen(struct warm_keys *w, const char *id, size_t len)
{
	uint64_t hash = hash_bytes(id, len) | 1; /* 0: nothing is there */
	if (w->seen == NULL)
		w->seen = mem_zalloc(PLACES * sizeof *w->seen);
	uint64_t *place = &w->seen[(hash >> 32) % PLACES];
	bool seen = *place == hash;
	*place = hash;
	return seen;
}

void warm_keys_add(struct warm_keys *w, const char *id, size_t len)
{
	CHECK(!warm_keys_full(w));
	const struct collection *c =
	    collection_find(id, record_collection_len(id, len));
	if (c == NULL)
		return;
	/* An invalid key would fail the query for the whole piece. */
	size_t name = strlen(c->name) + 1;
	if (!collection_key_valid(c, id + name, len - name) ||
	    was_seen(w, id, len))
		return;
	w->keys[w->n++] = (struct warmkey){mem_dup(id, len), len, c};
}

bool warm_keys_full(const struct warm_keys *w)
{
	return w->n == WARM_KEYS_PIECE;
}

static int by_collection(const void *a, const void *b)
{
	const struct warmkey *one = a, *other = b;
	size_t i = one->collection->index, k = other->collection->index;
	return (i > k) - (i < k);
}

void warm_keys_sort(struct warm_keys *w)
{
	qsort(w->keys, w->n, sizeof *w->keys, by_collection);
}

size_t warm_keys_run(const struct warm_keys *w, size_t i)
{
	size_t n = 0;
	while (
	    i + n < w->n && w->keys[i + n].collection == w->keys[i].collection)
		n++;
	return n;
}

void warm_keys_clear(struct warm_keys *w)
{
	for (size_t i = 0; i < w->n; i++)
		free(w->keys[i].id);
	w->n = 0;
}

void warm_keys_free(struct warm_keys *w)
{
	warm_keys_clear(w);
	free(w->seen);
	w->seen = NULL;
}
