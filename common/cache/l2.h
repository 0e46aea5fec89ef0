/* The data in Redis: its layout and the scripts that keep its invariant.
 *
 * The number of the layout (common/log/stored_formats.def) is a part of the
 * names of its keys, so that daemons of different layouts never read what the
 * others wrote: `sluice:` is 1, `sluice2:` will be 2.
 *
 * INV-2: every entry is current as of Redis's own watermark of its partition.
 *
 *   sluice:{3}:watermark   16 hex digits: the watermark; 16 more: generation;
 *                          then `;records=` and 16 more for every collection
 *                          that was purged since: its own generation
 *   sluice:{3}:floors      hash: bucket -> floor (hex), and `base`
 *   sluice:{3}:cursor      offset in sluice.commits to resume at, decimal; a
 *                          space; 16 hex digits: the turn, a random number of
 *                          the script that wrote it
 *   sluice:{3}:warmed      16 hex digits: the generation that a projector has
 *                          filled (--warm=full)
 *   sluice:{3}:records/foo 16 hex digits generation, P or A (present, absent),
 *                          16 hex digits version, document; has a TTL
 *
 * Only entries have a TTL, and Redis runs volatile-lru, so only entries can be
 * evicted.
 *
 * An entry counts only if its generation is that of its collection, or, if the
 * collection has none, that of the partition. So a new generation discards
 * entries without a scan. Generations only grow.
 *
 * Versions are compared as strings of a fixed width, because Lua's numbers are
 * doubles. The partition is the hash tag, so that Redis Cluster can distribute
 * the partitions.
 *
 * A script of a projector is valid only on top of the scripts that it sent
 * before. The watermark cannot show this: a Redis that was restored, or lost
 * the last moments in a failover, or got a part of a batch from another
 * projector, may have the same watermark without the same floors. The turn
 * shows it.
 */
#pragma once

#include "common/base/buf.h"
#include "common/log/version.h"
#include "common/redis/redis.h"

#include <stdbool.h>
#include <stddef.h>

/* Keys, arguments and replies: at the head of each file. */
enum l2_script {
	L2_FILL,  /* common/cache/l2_fill.lua */
	L2_APPLY, /* common/cache/l2_apply.lua */
	L2_START, /* common/cache/l2_start.lua */
	L2_PURGE, /* common/cache/l2_purge.lua */
	L2_LOOK,  /* common/cache/l2_look.lua */
	L2_SCRIPTS
};

/* Redis keeps fewer floors than an API instance: a floor that is too high costs
 * Redis a fill, but an instance a read. */
enum { L2_BUCKETS = 4096 };

static inline uint32_t l2_bucket(uint32_t bucket)
{
	return bucket % L2_BUCKETS;
}

extern const struct redis_script l2_scripts[L2_SCRIPTS];

/* Each appends the key's name. */
void l2_watermark_key(struct buf *out, int32_t partition);
void l2_floors_key(struct buf *out, int32_t partition);
void l2_cursor_key(struct buf *out, int32_t partition);
void l2_warmed_key(struct buf *out, int32_t partition);
void l2_entry_key(
    struct buf *out, int32_t partition, const char *id, size_t len);

struct l2_watermark {
	version_t watermark;
	uint64_t generation; /* of the partition */
};

struct l2_entry {
	bool present;
	version_t version;
	const char *doc; /* borrowed */
	size_t len;
};

bool l2_watermark_parse(
    const char *value, size_t len, struct l2_watermark *out);
/* The generation that the entry of an id must have to count. `value` is the
 * value of the watermark's key, parsed before. */
uint64_t l2_generation(
    const char *value, size_t len, const char *id, size_t id_len);
struct l2_cursor {
	int64_t offset;
	uint64_t turn; /* at most VERSION_MAX */
};

/* Appends the cursor's value. */
void l2_cursor(struct buf *out, const struct l2_cursor *c);
bool l2_cursor_parse(const char *value, size_t len, struct l2_cursor *out);
/* Appends the payload: an entry without its generation. The scripts prepend
 * the generation. */
void l2_payload(struct buf *out, const struct l2_entry *e);
/* False: of another generation, or not an entry. */
bool l2_entry_parse(
    const char *value, size_t len, uint64_t generation, struct l2_entry *out);
