/* The keys that a warm start reads from the log, in pieces (pure core).
 *
 * Until it is compacted the log has a record for every commit; a key that came
 * a while ago need not be filled again. What is remembered of them is bounded:
 * a forgotten one is filled twice, with what is then its row.
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
	uint64_t *seen; /* hashes, each at its place until another needs it */
};

/* A record of a row. Passed over where the collection is not declared, or the
 * key is none of its keys (anybody may append to a topic, and they had another
 * type once). Not when the piece is full. */
void warm_keys_add(struct warm_keys *w, const char *id, size_t len);
bool warm_keys_full(const struct warm_keys *w);
/* Brings together what is of one collection. */
void warm_keys_sort(struct warm_keys *w);
/* How many from the i-th on are of its collection; sorted. */
size_t warm_keys_run(const struct warm_keys *w, size_t i);
/* Begins another piece. */
void warm_keys_clear(struct warm_keys *w);
/* And forgets what was seen. */
void warm_keys_free(struct warm_keys *w);
