/* What becomes of each write of a batch (no I/O). */
#pragma once

#include "writer/decide/dedup.h"
#include "writer/decide/fold.h"
#include "writer/decide/idempotency.h"
#include "writer/decide/prefetch.h"

struct verdicts {
	int32_t partition;
	const struct write *writes; /* borrowed */
	size_t n;
	bool *out;    /* by write: a copy, a replay or a key reused */
	bool *copies; /* of these: the producer's */
	size_t ncopies;
	struct idempotency_verdict *keys; /* by write */
	size_t *firsts; /* writes whose idempotency keys are new, by key */
	size_t nfirsts;
	size_t nreplays;
	struct fold fold;
	/* By write; NULL: not folded. */
	const struct fold_verdict **folded;
	struct dedup next; /* where the producers are behind the batch */
	/* By write, of replays: what is told of the first. NULL: none is one.
	 */
	struct record_why *replays;
	/* An outcome that was told before is not that any more. */
	bool anew;
	/* By version; replays are among them. Of a plain first delete: after it
	 * was settled, and verdicts_collect. */
	struct record_rejection *rejected;
	size_t nrejected;
};

/* `lookup` may be NULL: nothing had to be read. Borrows it while it is
 * called. */
void verdicts_init(struct verdicts *v, int32_t partition,
    const struct write *writes, size_t n, const struct dedup *producers,
    const struct prefetch *lookup);
void verdicts_collect(struct verdicts *v);
/* `created`, `replaced`, `deleted`, or the name of a reason; not of a write
 * that is out. */
const char *verdicts_outcome(const struct verdicts *v, size_t i);
/* REASON_NONE: not rejected. */
enum reason verdicts_reason(const struct verdicts *v, size_t i);
/* Of a rejected one, for people, or the constraint's name; "": nothing. */
const char *verdicts_detail(const struct verdicts *v, size_t i);
void verdicts_free(struct verdicts *v);
