/* The keys that a warm start reads from the log, in pieces (pure core).
 *
 * Until it is compacted, the log has a record for every commit. A key that was
 * filled a short while ago need not be filled again. The memory for such keys
 * is bounded. A key that was forgotten is filled twice, with its current row.
 */
#pragma once

#include "common/schema/collection.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WARM_KEYS_PIECE = 256 };

struct warmkey {
	char *id; /* owned */
	size_t id_len;
	const struct collection *collection;
};

/* Begins as all zeroes. */
struct warm_keys {
	struct warmkey keys[WARM_KEYS_PIECE];
	size_t n;
	uint64_t *seen; /* hashes of keys; a collision replaces the older one */
};

/* Adds the key of a record. Ignores it if the collection is not declared, or if
 * the key is not valid in it: another client may have written the record, or
 * the key had another type before. Must not be called if the piece is full. */
void warm_keys_add(struct warm_keys *w, const char *id, size_t len);
bool warm_keys_full(const struct warm_keys *w);
/* Sorts the keys by collection. */
void warm_keys_sort(struct warm_keys *w);
/* How many keys from the i-th on have the same collection; they must be
 * sorted. */
size_t warm_keys_run(const struct warm_keys *w, size_t i);
/* Begins the next piece. */
void warm_keys_clear(struct warm_keys *w);
/* Also forgets the keys that were seen. */
void warm_keys_free(struct warm_keys *w);
