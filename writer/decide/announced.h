/* The outcomes of a partition's writes that sluice.commits has announced, from
 * a watermark on (pure core).
 *
 * INV-7: if the database went back (a failover that lost commits), the log is
 * applied again, with the outcomes that were announced. Caches and clients have
 * these outcomes. If the writes were decided anew, the outcomes might differ,
 * because other partitions are faster or slower this time.
 *
 * If marks overlap, the same one counts as for a follower
 * (common/log/follower.h): a mark counts from where the one before ended. So a
 * repeated announcement, or a late one of a fenced writer, changes nothing; it
 * can only add outcomes that were not announced yet. A mark that starts the
 * partition anew replaces what was announced: from its beginning on, later
 * marks count. Outcomes that no later mark covers stay.
 */
#pragma once

#include "common/log/record.h"

struct announced;

enum announced_as {
	ANNOUNCED_NOT, /* not announced: the write is decided as a new one */
	ANNOUNCED_ACCEPTED,
	ANNOUNCED_REJECTED,
	ANNOUNCED_REPLAYED,
};

/* Returns owned. Outcomes of writes below `from` are ignored. */
struct announced *announced_new(version_t from);
/* Call it with every mark, in the order of the log; borrows the mark. */
void announced_mark(struct announced *a, const struct record_mark *m);
/* Is every write of [from, to) known? */
bool announced_covers(const struct announced *a, version_t to);
/* `out` is set for REJECTED and REPLAYED; borrowed. */
enum announced_as announced_find(const struct announced *a, version_t version,
    const struct record_verdict **out);
/* The end of the batch that the version was in. If the outcome of the version
 * is not known: the end of the range of unknown ones; VERSION_MAX: nothing is
 * known from there on. The log is applied again in the same batches, because a
 * constraint that only Postgres checks is checked on what a batch leaves. */
version_t announced_run(const struct announced *a, version_t version);
void announced_free(struct announced **a);

/* Limits of what is kept. From the first write that does not fit, outcomes are
 * not known. */
enum { ANNOUNCED_MOST = 1 << 20, ANNOUNCED_BYTES = 64 << 20 };
