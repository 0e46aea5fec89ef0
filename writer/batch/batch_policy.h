/* When a partition's buffered writes become a batch (pure core).
 *
 * Whichever comes first: enough rows, enough bytes, or the oldest write has
 * waited for the linger. After a batch that Postgres rejected the next ones
 * are smaller, until the guilty writes can be told apart (bisection). One that
 * must read too much (small patches of large documents) is cut to what it may.
 */
#pragma once

#include "common/base/clock.h"

#include <stdbool.h>
#include <stddef.h>

/* Of a rejected batch of at most so many writes Postgres is asked about each,
 * which takes as long as some ten transactions (batch_retry.c). */
enum { BATCH_POLICY_TRIAL = 320 };

/* A batch may read rows of so many times the bytes that its writes may have:
 * enough that they do not make it smaller where documents are small. But what
 * is announced of it must have room in the producer's queue (256 MiB). */
enum { BATCH_POLICY_READS = 4, BATCH_POLICY_READS_MOST = 64 << 20 };

struct batch_policy {
	size_t rows;
	size_t bytes;
	dur_us_t linger;
	/* The most rows of the next batch; `rows` unless bisecting, or cut. */
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

/* The buffer is at twice a batch: read no more; under one: read on. */
bool batch_policy_full(
    const struct batch_policy *p, const struct batch_policy_fill *f);
bool batch_policy_low(
    const struct batch_policy *p, const struct batch_policy_fill *f);

/* Bytes of rows that a batch may read. */
size_t batch_policy_reads(const struct batch_policy *p);

/* A batch of n > 1 rows was not applied: since only `fits` of them may be read
 * for; or, if that is all, since it was rejected: halve. */
void batch_policy_split(struct batch_policy *p, size_t n, size_t fits);
/* One was applied (or its only write refused): grow again. */
void batch_policy_applied(struct batch_policy *p);
