/* What sluice.commits has told of the outcomes of a partition's writes, from a
 * watermark on (pure core).
 *
 * INV-7: where the database went back (a failover that lost commits), the log
 * is applied again up to there with the outcomes that were told. The caches and
 * the clients have them; decided anew they might be others, since other
 * partitions are faster or slower this time.
 *
 * Which of two marks counts is what a follower would say
 * (common/log/follower.h): a mark counts from where the one before ended. So
 * what is announced again, or late by a writer that was fenced, changes
 * nothing; it may only tell what was not told yet. A mark that starts the
 * partition anew takes that back: from its beginning on, later marks count.
 * What no later mark covers stays as it was told.
 */
#pragma once

#include "common/log/record.h"

struct announced;

enum announced_as {
	ANNOUNCED_NOT, /* nothing is known: it is decided as a new one */
	ANNOUNCED_ACCEPTED,
	ANNOUNCED_REJECTED, /* or a replay */
};

/* Returns owned. What was told of writes below `from` does not matter. */
struct announced *announced_new(version_t from);
/* Every mark in the order of the log; borrows it. */
void announced_mark(struct announced *a, const struct record_mark *m);
/* Is every write of [from, to) known? */
bool announced_covers(const struct announced *a, version_t to);
/* `out`: of REJECTED; borrowed. */
enum announced_as announced_find(const struct announced *a, version_t version,
    const struct record_rejection **out);
/* The end of the batch that the version was in; of one that is not known, of
 * the range of such ones; VERSION_MAX: nothing is known from there on. What
 * only Postgres judges (a constraint of the operator's) it judges of what a
 * batch leaves: so the batches are the same again. */
version_t announced_run(const struct announced *a, version_t version);
void announced_free(struct announced **a);

/* No more than that is kept; writes from the first one on that has no room are
 * not known. */
enum { ANNOUNCED_MOST = 1 << 20, ANNOUNCED_BYTES = 64 << 20 };
