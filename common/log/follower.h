/* How a consumer follows one partition of sluice.commits (pure core).
 *
 * The rules, for every consumer that keeps state derived from the commits
 * (projector, API tail):
 *
 *  - A record below the watermark is ignored, because a fenced writer may
 *    announce late.
 *  - A record that is older than one already seen never sets an entry. It only
 *    drops it, because the key may have changed between the two. A missing
 *    entry is always safe.
 *  - The watermark moves at marks only, and only by marks that begin at or
 *    below it. A mark that begins above it proves that commits were missed
 *    (compaction, a first start, a restored cache): the consumer JUMPs, that
 *    is, it discards what it holds and starts again at that mark.
 *
 * The race that JUMP defends against: a consumer starts at the last mark of
 * the log, which a stalled writer wrote late (through 150, while Postgres is
 * at 200). The next mark is [200, 250). Advancing to 250 would declare
 * current every entry that was filled at 160 and changed at 180.
 *
 *  - The watermark moves over a batch only if every record of it was heard. A
 *    mark names the offset of sluice.commits after which its batch was
 *    produced. The consumer has heard everything from some offset on: where it
 *    started or resumed, or behind the last hole that compaction left. If the
 *    batch may begin before that offset, the mark JUMPs.
 *
 * The race: k@170 and half of [150, 200) are in the log, then a late mark
 * through 150, then the mark of [150, 200). A consumer that starts at the late
 * mark holds a k of 150, and would advance to 200 without having heard of 170.
 * In the same way, compaction may keep a late k@155 and remove the k@165 that
 * was written before it.
 */
#pragma once

#include "common/log/version.h"

#include <stdbool.h>
#include <stdint.h>

/* Begins as all zeroes. */
struct follower {
	bool started;	     /* a watermark is known */
	version_t watermark; /* the next version not applied */
	version_t seen;	     /* one past the newest record seen */
	int64_t since;	     /* every offset from here on was heard */
	int64_t next;	     /* the offset after the last one heard */
};

enum follow_record {
	FOLLOW_IGNORE, /* below the watermark */
	FOLLOW_DROP,   /* raise the floor, remove the entry */
	FOLLOW_SET,    /* raise the floor, the entry may be set */
};

enum follow_mark {
	FOLLOW_MARK_IGNORE,  /* at or below the watermark */
	FOLLOW_MARK_ADVANCE, /* contiguous: watermark = through */
	FOLLOW_MARK_JUMP,    /* discard everything held, then as ADVANCE */
};

/* Resumes at a stored watermark; `f` is all zeroes. Reading must begin at or
 * before the offset behind the mark that moved the watermark there.
 * Store `after` + 1 of the last mark that was applied as the offset to resume
 * at, not the offset behind that mark: the next batch may have begun before the
 * mark was acknowledged. Then it would look like a batch with records that were
 * not heard. */
void follower_start(struct follower *f, version_t watermark);
/* Forgets the watermark: the next mark is a JUMP. `seen` stays, so that the
 * base still covers the records that were seen. */
void follower_reset(struct follower *f);
/* Call it with the offset of every message first, record or mark. */
void follower_hear(struct follower *f, int64_t offset);
/* An impossible value (a version that has no successor, a mark that ends before
 * it begins) is ignored: the parser has reported it. */
enum follow_record follower_record(struct follower *f, version_t version);
/* A mark says that all writes in [from, through) are decided, and that their
 * records were produced after the offset `after`. If it moves the watermark,
 * the consumer must first apply every record heard so far, also those above
 * `through`. */
enum follow_mark follower_mark(
    struct follower *f, version_t from, version_t through, int64_t after);
/* A mark that starts the partition anew (record.h) is always a JUMP, even to a
 * place below the watermark: what was heard so far no longer counts. */
enum follow_mark follower_anew(struct follower *f, version_t through);
/* The floor for every key after a JUMP: nothing older may be held. It covers
 * records that were seen before the mark, too. */
version_t follower_base(const struct follower *f);
