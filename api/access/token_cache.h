/* Credentials that were found good, of one request thread (pure core).
 *
 * A look-up costs a hash of the text and one comparison of it. The hash has a
 * seed of this process (common/base/hash.h), so nobody can choose tokens that
 * collide; and since the whole text is compared, nobody gets the principal of
 * another one. An entry ends with its principal, when the keys change, or when
 * it is the one that was not used for longest and the room is needed.
 */
#pragma once

#include "common/access/principal.h"

#include <stddef.h>
#include <stdint.h>

struct token_cache;

/* Limits: entries (at least 1), and approximate bytes. */
struct token_cache *token_cache_new(size_t entries, size_t bytes);
void token_cache_free(struct token_cache **c);

/* `generation`: of the keys. If it is another one than before, all entries end.
 * `now` in seconds since 1970. The result is borrowed until the next call;
 * NULL: it is not there. */
struct principal *token_cache_get(struct token_cache *c, uint64_t generation,
    const char *text, size_t len, int64_t now);
/* After token_cache_get did not find it, with the same generation. Takes a
 * reference of its own. */
void token_cache_put(struct token_cache *c, uint64_t generation,
    const char *text, size_t len, struct principal *p);

size_t token_cache_entries(const struct token_cache *c);
size_t token_cache_bytes(const struct token_cache *c);
