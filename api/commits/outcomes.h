/* The outcomes of recent writes (pure core).
 *
 * The tail records the writes that did not simply replace a row: those that
 * created it, and those that were rejected. Each partition has a ring of them,
 * in log order. So a request that waits for its commit can answer 201, 200 or
 * the rejection. A delivery report may be handled after the mark that decides
 * the write; the ring still has its outcome then. If a write is older than the
 * ring, its outcome is OUTCOME_UNKNOWN; it is never guessed.
 *
 * One mutex per partition: the tail records, request threads ask.
 */
#pragma once

#include "common/log/reason.h"
#include "common/log/version.h"

#include <stddef.h>
#include <stdint.h>

enum outcome_kind {
	OUTCOME_UNKNOWN,  /* older than the ring, or than the tail's start */
	OUTCOME_APPLIED,  /* committed; the row was there before */
	OUTCOME_CREATED,  /* committed; created the row */
	OUTCOME_REJECTED, /* rejected; see reason */
};

struct outcome {
	enum outcome_kind kind;
	enum reason reason; /* for OUTCOME_REJECTED */
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
/* Versions may come in any order; the same version again is a no-op. */
void outcomes_record(
    struct outcomes *o, struct position p, struct outcome outcome);
/* For a position that the tail's watermark has passed. */
struct outcome outcomes_get(struct outcomes *o, struct position p);
