/* What of one partition of sluice.commits a change feed tells (pure core).
 *
 * Caches may leave out what is doubtful, since absent is always safe; a feed
 * may not. It tells every record at or above the watermark of the last mark,
 * but one that is older than what it told of that key.
 *
 * The race: a writer that was fenced speaks late, k@140, between the records by
 * which its successor announces the same batch: k@140 (or newer), j@120. To the
 * follower j is older than one that it has seen, and a cache drops it; it is
 * news all the same. So what was heard since the last mark is remembered by
 * key; below the watermark nothing needs to be, for it is ignored.
 */
#pragma once

#include "api/commits/change_id.h"
#include "common/log/follower.h"

#include <stddef.h>

struct change_note {
	uint64_t key; /* a hash: two keys as one would lose an event */
	uint64_t check;
	version_t version;
};

struct change_filter {
	struct follower follower;
	struct change_place place;
	struct change_note *notes; /* at or above the watermark */
	size_t n, cap;
};

/* Zeroed before. */
void change_filter_start(struct change_filter *l, struct change_place place);
/* Every message, record or mark, by its offset first. */
void change_filter_hear(struct change_filter *l, int64_t offset);
/* Is it to be told? */
bool change_filter_record(
    struct change_filter *l, const char *id, size_t len, version_t version);
/* Moves the place, unless it is FOLLOW_MARK_IGNORE. FOLLOW_MARK_JUMP: something
 * between the place and this mark is not in the log any more. */
enum follow_mark change_filter_mark(
    struct change_filter *l, version_t from, version_t through, int64_t after);
/* A commit that reached to `forged` was forged. If it was heard here, all that
 * was heard is forgotten, so that the next mark is a FOLLOW_MARK_JUMP. False:
 * it was not heard. */
bool change_filter_forget(struct change_filter *l, version_t forged);
/* A mark that starts the partition anew. */
void change_filter_anew(
    struct change_filter *l, version_t through, int64_t after);
void change_filter_free(struct change_filter *l);
