/* When a partition's buffered writes are due for a batch, and how many a slice
 * may have (pure core).
 *
 * They are due when there are enough rows or enough bytes, or when the oldest
 * write has waited for the linger. After Postgres rejects a slice, the next
 * ones are smaller, until the writes that caused it are found (bisection). A
 * slice that must read too much (small patches of large documents) is cut to
 * what it may read.
 */
#pragma once

#include "common/base/clock.h"

#include <stdbool.h>
#include <stddef.h>

/* If a rejected batch has at most so many writes, each is tried by itself. That
 * takes about as long as ten transactions (batch.c). */
enum { BATCH_POLICY_TRIAL = 320 };

/* A batch may read rows of so many times `bytes`, but of no more than the
 * maximum. The factor is large enough that small documents do not make a batch
 * smaller. The maximum ensures that the announcement of the batch fits into the
 * producer's queue (256 MiB). */
enum { BATCH_POLICY_READS = 4, BATCH_POLICY_READS_MOST = 64 << 20 };

struct batch_policy {
	size_t rows;
	size_t bytes;
	dur_us_t linger;
	/* Maximum rows of the next batch: `rows`, or less after a split. */
	size_t limit;
};

struct batch_policy_fill {
	size_t rows;
	size_t bytes;
	mono_us_t oldest; /* when the first of them came */
};

void batch_policy_init(
    struct batch_policy *p, size_t rows, size_t bytes, dur_us_t linger);

bool batch_policy_due(const struct batch_policy *p,
    const struct batch_policy_fill *f, mono_us_t now);
/* How long until it is due by the linger alone; the fill is not empty. */
dur_us_t batch_policy_wait(const struct batch_policy *p,
    const struct batch_policy_fill *f, mono_us_t now);
/* Does one more write belong to a batch that holds `rows` and `bytes`? The
 * first always does. */
bool batch_policy_takes(
    const struct batch_policy *p, size_t rows, size_t bytes, size_t next);

/* Full: the buffer has two batches, so read no more. Low: it has less than one,
 * so read on. */
bool batch_policy_full(
    const struct batch_policy *p, const struct batch_policy_fill *f);
bool batch_policy_low(
    const struct batch_policy *p, const struct batch_policy_fill *f);

/* How long a batch waits for more writes if the one before had `before` writes:
 * `most` (batch.gather) if those were 16 or more, a part of it if there were
 * fewer, not at all if there was one. */
dur_us_t batch_policy_gather(dur_us_t most, size_t before);

/* Bytes of rows that a batch may read. */
size_t batch_policy_reads(const struct batch_policy *p);

/* A batch of n > 1 writes was not applied. If `fits` < n, only the first `fits`
 * of them may be read for: the next batch has so many. Otherwise it was
 * rejected: the next batch has half. */
void batch_policy_split(struct batch_policy *p, size_t n, size_t fits);
/* A batch was applied (or its only write refused): grow again. */
void batch_policy_applied(struct batch_policy *p);
