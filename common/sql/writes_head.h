/* The head of each partition of the log of writes: no version is above it.
 *
 * Two sources know a part of it. Kafka knows where sluice.writes ends, but not
 * which epoch that is. Postgres knows the epoch, and how far the log is applied
 * (sluice.progress). The head of a partition is the larger one of the two,
 * because either may be too low: a log that was cut or created again ends below
 * what is applied, and a primary that lost commits in a failover has applied
 * less than the log holds.
 */
#pragma once

#include "common/log/version.h"
#include "common/postgres/pg.h"

struct writes_head;

/* Each by partition; they live until `done` returns. */
struct writes_head_answer {
	const version_t *heads;
	const version_t *applied; /* by Postgres: the next version */
};

/* `answer` NULL: Postgres did not answer. */
typedef void (*writes_head_done)(
    void *arg, const struct writes_head_answer *answer);

/* Borrows the connection to the primary until writes_head_free. */
struct writes_head *writes_head_new(
    struct pg *pg, int32_t partitions, writes_head_done done, void *arg);
/* Is an answer due? */
bool writes_head_is_busy(const struct writes_head *h);
/* `ends` are the ends of the partitions, from Kafka. `done` is called once,
 * later. False: Postgres cannot be asked now. Must not be called while busy. */
bool writes_head_ask(struct writes_head *h, const int64_t *ends);
/* `done` is not called any more. */
void writes_head_free(struct writes_head **h);
