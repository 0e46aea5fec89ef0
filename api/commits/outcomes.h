/* The outcomes of recent writes (pure core).
 *
 * The tail records the writes that did not simply replace a row: those that
 * created it, those that were rejected, and replays. Each partition has a ring
 * of them, in log order. So a request that waits for its commit can answer 201,
 * 200, the rejection, or what became of the first request with its
 * Idempotency-Key. A delivery report may be handled after the mark that decides
 * the write; the ring still has its outcome then. If a write is older than the
 * ring, its outcome is OUTCOME_UNKNOWN; it is never guessed.
 *
 * One mutex per partition: the tail records, request threads ask.
 */
#pragma once

#include "common/log/outcome.h"
#include "common/log/record.h"
#include "common/log/version.h"
#include "common/schema/collection.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of a replay: that of its first write. */
struct outcome {
	/* UNKNOWN: older than the ring, or than the tail's start; or the mark
	 * does not say it. */
	enum outcome_kind kind;
	enum reason reason; /* for OUTCOME_REJECTED */
	bool replayed;
};

/* The first write of a replay. */
struct outcome_first {
	struct position position;
	char key[COLLECTION_KEY_MAX + 1]; /* of its row; "": not known */
};

struct outcomes;

/* `capacity`: entries kept per partition. Returns owned. */
struct outcomes *outcomes_new(int32_t partitions, size_t capacity);
void outcomes_free(struct outcomes **o);

/* The outcomes of writes below `from` are not known (the tail started or
 * jumped). */
void outcomes_start(struct outcomes *o, int32_t partition, version_t from);
/* Forgets the partition: the state is as before outcomes_start. */
void outcomes_forget(struct outcomes *o, int32_t partition);
/* Versions may come in any order; the same version again is a no-op. `first`:
 * of a replay, else NULL; it is copied. */
void outcomes_record(struct outcomes *o, struct position p,
    struct outcome outcome, const struct outcome_first *first);
/* For a position that the tail's watermark has passed. Fills in `first` if the
 * write is a replay and its outcome is known; `first` may be NULL. */
struct outcome outcomes_get(
    struct outcomes *o, struct position p, struct outcome_first *first);
/* What a mark says of a write of the partition: a rejection or a replay. */
void outcomes_verdict(
    struct outcomes *o, int32_t partition, const struct record_verdict *v);
