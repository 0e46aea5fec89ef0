/* Decides which records of one partition of sluice.commits a change feed sends
 * (pure core).
 *
 * A cache may ignore a doubtful record, because an absent entry is always safe.
 * A feed may not. It sends every record at or above the watermark of the last
 * mark, except a record that is older than one that it sent for the same key.
 *
 * The race: a fenced writer announces late, k@140, between the records by which
 * its successor announces the same batch: k@140 (or newer), j@120. The follower
 * has then seen a version above that of j, so a cache drops j. But j is news
 * for a feed. Therefore the filter remembers the versions since the last mark
 * by key. It needs to remember none below the watermark, since such records are
 * ignored.
 */
#pragma once

#include "api/commits/change_id.h"
#include "common/log/follower.h"

#include <stddef.h>

struct change_note {
	uint64_t key; /* a hash of 128 bits: equal ones would lose an event */
	uint64_t check;
	version_t version;
};

struct change_filter {
	struct follower follower;
	struct change_place place;
	struct change_note *notes; /* records at or above the watermark */
	size_t n, cap;
};

/* `l` must be zeroed. */
void change_filter_start(struct change_filter *l, struct change_place place);
/* Must be called first for every message, record or mark, with its offset. */
void change_filter_hear(struct change_filter *l, int64_t offset);
/* True: the feed must send the record. */
bool change_filter_record(
    struct change_filter *l, const char *id, size_t len, version_t version);
/* Moves the place, unless it returns FOLLOW_MARK_IGNORE. FOLLOW_MARK_JUMP: a
 * message between the place and this mark is not in the log any more. */
enum follow_mark change_filter_mark(
    struct change_filter *l, version_t from, version_t through, int64_t after);
/* `forged`: the watermark just past a forged commit. If the filter has believed
 * this commit, it forgets all that it heard, so that the next mark is a
 * FOLLOW_MARK_JUMP. False: it has not. */
bool change_filter_forget(struct change_filter *l, version_t forged);
/* Handles a mark that starts the partition anew. */
void change_filter_anew(
    struct change_filter *l, version_t through, int64_t after);
void change_filter_free(struct change_filter *l);
