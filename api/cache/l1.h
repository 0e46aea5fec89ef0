/* L1: the in-process cache (pure core).
 *
 * It is sharded by a hash with a per-process seed (keys come from clients) and
 * bounded in bytes. SIEVE evicts (Zhang et al., "SIEVE is Simpler than LRU",
 * NSDI 2024): a FIFO list per shard, a hand, and one visited bit per entry, so
 * that a hit moves nothing. L1 holds references to immutable values
 * (api/cache/value.h) and does not know floors: its callers check INV-1
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
	/* An estimate of how many entries it may hold. It assumes that all
	 * entries are as large as the present ones are on average (1 KiB if
	 * there are none), and is at most the limit of entries. Never below
	 * `entries`. */
	uint64_t most;
};

/* Returns owned. `max_bytes` is split evenly over the shards (their number is a
 * power of two). A value larger than an eighth of a shard is not kept.
 * `max_entries` 0: no limit. */
struct l1 *l1_new(size_t max_bytes, size_t max_entries, unsigned shards);
void l1_free(struct l1 **l1);

/* Returns an owned reference (value_unref), or NULL when absent or expired
 * (an expired entry is removed). */
struct value *l1_get(struct l1 *l1, const char *id, size_t len, mono_us_t now);
/* Inserts or replaces; borrows the value and keeps a reference of its own.
 * Never replaces an entry whose as_of is newer. */
void l1_put(struct l1 *l1, const char *id, size_t len, struct value *v,
    mono_us_t expires);
/* As l1_put, but only if L1 has the key already (refresh on commit). */
void l1_replace(struct l1 *l1, const char *id, size_t len, struct value *v,
    mono_us_t expires);
void l1_remove(struct l1 *l1, const char *id, size_t len);
/* Removes every entry whose id begins with the prefix (empty: all entries),
 * shard by shard. Returns their number. */
size_t l1_purge(struct l1 *l1, const char *prefix, size_t len);
/* As l1_get, but it is not counted as a visit, and *expires is set to the end
 * of the entry. */
struct value *l1_peek(struct l1 *l1, const char *id, size_t len, mono_us_t now,
    mono_us_t *expires);
/* Finds the newest entry of some shard that is a document (not a page) and
 * whose id has at most `most` bytes. Writes the id, without NUL, and returns
 * its length; 0: there is none. */
size_t l1_sample(struct l1 *l1, mono_us_t now, char *id, size_t most);
struct l1_stats l1_stats(struct l1 *l1);
