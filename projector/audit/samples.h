/* Commits that were sampled, each to be looked at three times (pure core).
 *
 * A bounded number; what comes on top is not sampled. A sample that is being
 * looked at stays in memory until that is over, even when it was dropped.
 */
#pragma once

#include "projector/audit/audit_rule.h"

#include "common/base/clock.h"

#include <stddef.h>

enum { SAMPLE_CHECKS = 3 };
extern const dur_us_t sample_ages[SAMPLE_CHECKS]; /* 1, 10, 60 s */

struct sample {
	char *id; /* owned, NUL-terminated too */
	size_t id_len;
	int32_t partition;
	struct audit_commit commit;
	mono_us_t heard_at;
	bool dropped;
	/* samples.c */
	unsigned refs;
	struct sample *same_slot, *next_due;
};

struct samples;

/* `rate`: at most so many begin in a second. */
struct samples *samples_new(size_t rate);
/* A commit: of a sampled key, it is what is expected from now on, if it is
 * newer. Else, if `may_begin`, and the rate and the bound allow it, a sample
 * begins. */
void samples_hear(struct samples *s, const char *id, size_t len,
    int32_t partition, const struct audit_commit *c, bool may_begin,
    mono_us_t now);
/* Whether samples_hear would do anything with the key. */
bool samples_want(const struct samples *s, const char *id, size_t len,
    bool may_begin, mono_us_t now);
/* The next one that is old enough to be looked at (again), with a reference:
 * samples_release. NULL: none is. */
struct sample *samples_due(struct samples *s, mono_us_t now);
void samples_hold(struct sample *one);
/* Takes and clears. */
void samples_release(struct samples *s, struct sample **one);
/* Those of a partition do not count any more; -1: of all. */
void samples_drop(struct samples *s, int32_t partition);
size_t samples_count(const struct samples *s);
/* Every reference was released (CHECK). */
void samples_free(struct samples **s);
