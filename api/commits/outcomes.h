/* What became of recent writes (pure core).
 *
 * The tail records, per partition and in log order, the writes that did not
 * simply replace a row (created it, or were rejected), so that a request that
 * waits for its commit can answer 201, 200 or the rejection itself. A delivery
 * report may be handled after the mark that settles the write: the ring keeps
 * what such a late asker needs. Older than the ring: the outcome is unknown,
 * and is said to be, never guessed.
 *
 * Locked by a mutex per partition: the tail writes, request threads ask.
 */
#pragma once

#include "common/log/reason.h"
#include "common/log/version.h"

#include <stddef.h>
#include <stdint.h>

enum outcome_kind {
	OUTCOME_UNKNOWN,  /* older than the ring, or before this start */
	OUTCOME_APPLIED,  /* committed; the row was there before */
	OUTCOME_CREATED,  /* committed; made the row */
	OUTCOME_REJECTED, /* decided against; see reason */
};

struct outcome {
	enum outcome_kind kind;
	enum reason reason; /* for OUTCOME_REJECTED */
};

struct outcomes;

/* `capacity`: entries kept per partition. Returns owned. */
struct outcomes *outcomes_new(int32_t partitions, size_t capacity);
void outcomes_free(struct outcomes **o);

/* Nothing is known of writes below `from` (the tail started, or jumped). */
void outcomes_start(struct outcomes *o, int32_t partition, version_t from);
/* Forgets the partition: all is as before outcomes_start. */
void outcomes_forget(struct outcomes *o, int32_t partition);
/* Versions may come in any order; the same version again is a no-op. */
void outcomes_record(
    struct outcomes *o, struct position p, struct outcome outcome);
/* For a position that the tail's watermark has passed. */
struct outcome outcomes_get(struct outcomes *o, struct position p);
