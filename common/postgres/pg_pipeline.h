/* The units that are on their way through one Postgres connection in pipeline
 * mode: sends them, and assigns the results to them.
 *
 *   per statement that is new   PREPARE, Sync
 *   per statement               result
 *   per statement that is tried SAVEPOINT, result, RELEASE, SAVEPOINT, Sync,
 *                               ROLLBACK TO, RELEASE, Sync
 *   per unit                    Sync
 *
 * A PREPARE is not part of the transaction. Otherwise an abort would undo it,
 * also for later units, which are sent before the abort is known.
 *
 * A tried statement stands between two savepoints of the same name. If it
 * succeeds, ROLLBACK TO finds the second savepoint and undoes nothing. If it
 * fails, everything up to the Sync is skipped, and ROLLBACK TO finds the first
 * one. So the next statement can be sent before the result of this one is
 * known.
 */
#pragma once

#include "common/postgres/pg.h"

struct pg_pipeline;

/* The units of a connection, oldest first, and the statements that it has
 * prepared. Begins with pgunits_init. */
struct pgunits {
	struct pg_pipeline *first, **last;
	size_t n;
	uint64_t *prepared; /* hashes of the statements' texts */
	size_t nprepared, cap;
	const char
	    *leave; /* why this session cannot be used any more, or NULL */
};

void pgunits_init(struct pgunits *u);
/* A new connection has prepared nothing. */
void pgunits_reconnected(struct pgunits *u);
/* Writes a unit and its Sync into the connection's buffer (a failure shows at
 * the next flush). `done` is called at its end. Borrows the queries. */
void pgunits_send(struct pgunits *u, PGconn *conn,
    const struct pg_query *queries, size_t n, pg_done done, void *arg);
/* Takes a result (not NULL) of the connection, in order; may end the oldest
 * unit. */
void pgunits_result(struct pgunits *u, PGresult *r);
/* When the oldest unit was sent; there is one. */
mono_us_t pgunits_oldest(const struct pgunits *u);
/* The connection is lost: ends all units, as RETRY unless the server had sent
 * an error. */
void pgunits_fail(struct pgunits *u, const char *why);
/* None is left (CHECK). */
void pgunits_free(struct pgunits *u);
