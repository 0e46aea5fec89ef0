/* How far the versions of each partition can have got.
 *
 * Two sources know a part of it. Kafka knows where sluice.writes ends, but not
 * which epoch that is. Postgres knows the epoch, and how far the log is applied
 * (sluice.progress). The head of a partition is the larger one of the two: a
 * log that was cut or made again ends below what is applied, and a primary that
 * lost commits in a failover has applied less than the log holds.
 */
#pragma once

#include "common/log/version.h"
#include "common/postgres/pg.h"

struct loghead;

/* Each by partition; they live until `done` returns. */
struct loghead_answer {
	const version_t *heads;
	const version_t *applied; /* by Postgres: the next version */
};

/* NULL: Postgres did not tell. */
typedef void (*loghead_done)(void *arg, const struct loghead_answer *answer);

/* Borrows the connection to the primary until loghead_free. */
struct loghead *loghead_new(
    struct pg *pg, int32_t partitions, loghead_done done, void *arg);
/* An answer is due. */
bool loghead_is_busy(const struct loghead *h);
/* `ends` is what Kafka said. `done` is called once, later. False: Postgres
 * cannot be asked now. Not while busy. */
bool loghead_ask(struct loghead *h, const int64_t *ends);
/* `done` is not called any more. */
void loghead_free(struct loghead **h);
