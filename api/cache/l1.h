/* L1: the in-process cache (pure core).
 *
 * Sharded by a hash with a per-process seed (keys come from clients), bounded
 * in bytes, evicted by SIEVE (Zhang et al., "SIEVE is Simpler than LRU",
 * NSDI 2024): a FIFO list per shard, a hand, and one visited bit, so that a
 * hit moves nothing. It holds references to immutable values
 * (api/cache/value.h) and knows nothing of floors: whoever reads checks INV-1
 * (api/cache/floors.h).
 *
 * Any thread may call anything; each shard has its own mutex.
 */
#pragma once

#include "api/cache/value.h"
#include "common/base/clock.h"

#include <stddef.h>
#include <stdint.h>

struct l1;

struct l1_stats {
	uint64_t entries;
	uint64_t bytes;
	uint64_t evictions;
	uint64_t expirations;
	/* How many entries it may hold: as many as its limit of entries allows,
	 * and its memory, if all were as large as those that it holds are on
	 * average (1 KiB, while it holds none). Never below `entries`. */
	uint64_t most;
};

/* Returns owned. `max_bytes` is split evenly over the shards (a power of two);
 * a value larger than an eighth of a shard is not kept. `max_entries` 0: no
 * limit. */
struct l1 *l1_new(size_t max_bytes, size_t max_entries, unsigned shards);
void l1_free(struct l1 **l1);

/* Returns an owned reference (value_unref), or NULL when absent or expired
 * (an expired entry is removed). */
struct value *l1_get(struct l1 *l1, const char *id, size_t len, mono_us_t now);
/* Inserts or replaces; borrows the value and keeps a reference of its own.
 * Never replaces an entry whose as_of is newer. */
void l1_put(struct l1 *l1, const char *id, size_t len, struct value *v,
    mono_us_t expires);
/* As l1_put, but only where the key is held already (refresh on commit). */
void l1_replace(struct l1 *l1, const char *id, size_t len, struct value *v,
    mono_us_t expires);
void l1_remove(struct l1 *l1, const char *id, size_t len);
/* Removes every entry whose id begins with the prefix (empty: all), shard by
 * shard; returns how many. */
size_t l1_purge(struct l1 *l1, const char *prefix, size_t len);
/* As l1_get, but it leaves no trace; says when the entry ends. */
struct value *l1_peek(struct l1 *l1, const char *id, size_t len, mono_us_t now,
    mono_us_t *expires);
/* The newest entry of some shard, if it is a document, not a page, and its id
 * has at most `most` bytes: writes the id, without NUL, and returns its length;
 * 0: no shard has one. */
size_t l1_sample(struct l1 *l1, mono_us_t now, char *id, size_t most);
struct l1_stats l1_stats(struct l1 *l1);
