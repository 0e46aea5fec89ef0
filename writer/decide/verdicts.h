/* The outcome of each write of a batch (no I/O). */
#pragma once

#include "writer/decide/dedup.h"
#include "writer/decide/fold.h"
#include "writer/decide/idempotency.h"
#include "writer/decide/prefetch.h"

struct verdicts {
	int32_t partition;
	const struct write *writes; /* borrowed */
	size_t n;
	bool *out;    /* by write: not folded: a copy, a replay, a reused key */
	bool *copies; /* by write: a copy that the producer sent */
	size_t ncopies;
	struct idempotency_verdict *keys; /* by write */
	size_t *firsts; /* writes whose idempotency keys are new, by key */
	size_t nfirsts;
	size_t nreplays;
	struct fold fold;
	/* By write; NULL: not folded. */
	const struct fold_verdict **folded;
	/* By write: of an atomic batch as a whole. NULL: there is none. */
	struct fold_verdict *joint;
	struct dedup next; /* how far the producers are after the batch */
	/* By write: what is announced of the first write of a replay. NULL: the
	 * batch has no replay. */
	struct record_first *replays;
	/* An outcome differs from the one that was announced before. */
	bool anew;
	/* What the mark says: the rejections and the replays, by version. The
	 * rejection of a plain first delete is among them only after
	 * fold_settle and verdicts_collect. */
	struct record_verdict *said;
	size_t nsaid;
	size_t nrejected; /* of them */
};

/* `lookup` may be NULL: nothing had to be read. It is borrowed only during the
 * call. */
void verdicts_init(struct verdicts *v, int32_t partition,
    const struct write *writes, size_t n, const struct dedup *producers,
    const struct prefetch *lookup);
void verdicts_collect(struct verdicts *v);
/* `created`, `replaced`, `deleted`, or the name of a reason; must not be called
 * for a write that is `out`. */
const char *verdicts_outcome(const struct verdicts *v, size_t i);
/* Is it a retry of a write that was decided before? */
bool verdicts_replayed(const struct verdicts *v, size_t i);
/* REASON_NONE: not rejected. */
enum reason verdicts_reason(const struct verdicts *v, size_t i);
/* Of a rejected write: a text for people, or the constraint's name; "": none.
 */
const char *verdicts_detail(const struct verdicts *v, size_t i);
void verdicts_free(struct verdicts *v);
