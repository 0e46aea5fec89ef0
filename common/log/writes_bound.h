/* Detects commits above the head of the log of writes (pure core).
 *
 * A commit's version and the end of a mark never lie above the head of the log
 * (common/sql/writes_head.h). If one does, another client wrote it. A consumer
 * that believed such a mark would ignore every later commit. So a consumer of
 * sluice.commits asks for the heads from time to time, and holds one struct
 * writes_bound for each partition. There are two cases:
 *
 *  - A message far above the last known head is passed over when it is heard.
 *    The decision is provisional: if the next head covers the message after
 *    all, the consumer has missed a commit and must start the partition anew.
 *  - A message a little above the last known head may have been written since
 *    that head was read. It is believed. If a head that was asked for later is
 *    still below it, several times in a row, the consumer must start the
 *    partition anew. It then passes over whatever is above that head and stands
 *    before the place that it had reached, so that it does not believe the
 *    same message again.
 *
 * The race: a message is heard between a question and its answer. So a question
 * remembers what had been heard when it was asked.
 *
 * One low answer is not enough: a broker that has just become the leader of a
 * partition, or a primary that has just been replaced, may not know everything
 * yet.
 */
#pragma once

#include "common/base/clock.h"
#include "common/log/version.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	/* Writes that one partition may get between two answers. */
	WRITES_BOUND_SLACK = 1000000,
	/* An older answer does not bound anything. */
	WRITES_BOUND_STALE_US = 5000000,
	/* Low answers in a row that count; more if the epochs differ, because
	 * an epoch may become known late. */
	WRITES_BOUND_DOUBTS = 2,
	WRITES_BOUND_EPOCH_DOUBTS = 6,
	/* Two low answers count as two only if they are this far apart. */
	WRITES_BOUND_APART_US = 500000,
};

/* Begins as all zeroes: no head is known, and everything is believed. */
struct writes_bound {
	bool known;
	version_t head; /* the last answer */
	mono_us_t as_of;
	/* As of the time of the question: the highest version that had been
	 * believed; the offset in sluice.commits that is heard next; the lowest
	 * version that was passed over since the question before (0: none). */
	version_t asked_highest;
	int64_t asked_next;
	version_t asked_passed;
	version_t passed;  /* the lowest passed over since that question */
	unsigned doubts;   /* low answers in a row */
	version_t doubted; /* the highest of them */
	mono_us_t doubted_at;
	/* Before this offset nothing above `judged` is believed. */
	int64_t judged_next;
	version_t judged;
};

/* The head is asked for. `highest`: one past the highest version that was heard
 * and believed; `next`: the offset that is heard next. */
void writes_bound_asks(struct writes_bound *b, version_t highest, int64_t next);
/* The answer to that question. True: start the partition anew. */
bool writes_bound_answered(
    struct writes_bound *b, version_t head, mono_us_t now);
/* Can a log that had this head a moment ago reach to `through` now? */
bool writes_bound_near(version_t head, version_t through);
/* May the message at that offset be believed? `through` is the end of a mark,
 * or a commit's version + 1. */
bool writes_bound_admits(
    struct writes_bound *b, int64_t offset, version_t through, mono_us_t now);
