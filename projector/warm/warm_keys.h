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

enum { WARMKEYS_PIECE = 256 };

struct warmkey {
	char *id; /* owned */
	size_t id_len;
	const struct collection *collection;
};

/* Begins as all zeroes. */
struct warmkeys {
	struct warmkey keys[WARMKEYS_PIECE];
	size_t n;
	uint64_t *seen; /* hashes, each at its place until another needs it */
};

/* A record of a row. Passed over where the collection is not declared, or the
 * key is none of its keys (anybody may append to a topic, and they had another
 * type once). Not when the piece is full. */
void warmkeys_add(struct warmkeys *w, const char *id, size_t len);
bool warmkeys_full(const struct warmkeys *w);
/* Brings together what is of one collection. */
void warmkeys_sort(struct warmkeys *w);
/* How many from the i-th on are of its collection; sorted. */
size_t warmkeys_run(const struct warmkeys *w, size_t i);
/* Begins another piece. */
void warmkeys_clear(struct warmkeys *w);
/* And forgets what was seen. */
void warmkeys_free(struct warmkeys *w);
