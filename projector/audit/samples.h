/* Commits that were sampled; each is checked three times (pure core).
 *
 * Their number is bounded; further commits are not sampled. A sample that is
 * being checked stays in memory until the check is over, even if it was
 * dropped.
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

/* `rate`: maximum new samples in a second. */
struct samples *samples_new(size_t rate);
/* A commit was heard. If its key is sampled and the commit is newer, the checks
 * expect this commit from now on. If the key is not sampled, a sample begins if
 * `may_begin`, the rate and the bound allow it. */
void samples_hear(struct samples *s, const char *id, size_t len,
    int32_t partition, const struct audit_commit *c, bool may_begin,
    mono_us_t now);
/* Would samples_hear do anything with this key? */
bool samples_want(const struct samples *s, const char *id, size_t len,
    bool may_begin, mono_us_t now);
/* The next sample whose check is due, with a reference (samples_release). NULL:
 * none. */
struct sample *samples_due(struct samples *s, mono_us_t now);
void samples_hold(struct sample *one);
/* Takes and clears. */
void samples_release(struct samples *s, struct sample **one);
/* Drops the samples of a partition; -1: of all. */
void samples_drop(struct samples *s, int32_t partition);
size_t samples_count(const struct samples *s);
/* Every reference was released (CHECK). */
void samples_free(struct samples **s);
