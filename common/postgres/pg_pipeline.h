/* Units on their way through one Postgres connection in pipeline mode: what is
 * sent, and whose results come now.
 *
 *   per statement that is new   PREPARE, Sync
 *   per statement               result
 *   per statement that is tried SAVEPOINT, result, RELEASE, SAVEPOINT, Sync,
 *                               ROLLBACK TO, RELEASE, Sync
 *   per unit                    Sync
 *
 * A PREPARE is not part of the transaction: what aborts the transaction would
 * take it away from the units behind, which are sent before that is known.
 *
 * A statement is tried with one name for two savepoints. Did it go well, then
 * ROLLBACK TO finds the one behind it, and nothing is undone; else what stands
 * behind it is skipped up to the Sync, and the one in front of it is found. So
 * nobody has to know how it went before the next one is sent.
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
	const char *leave; /* why this session is no good any more, or NULL */
};

void pgunits_init(struct pgunits *u);
/* A new connection has prepared nothing. */
void pgunits_reconnected(struct pgunits *u);
/* Writes a unit and its Sync into the connection's buffer (a failure shows at
 * the next flush); its end is told to `done`. Borrows the queries. */
void pgunits_send(struct pgunits *u, PGconn *conn,
    const struct pg_query *queries, size_t n, pg_done done, void *arg);
/* Takes a result (not NULL) of the connection, in order; may end the oldest
 * unit. */
void pgunits_result(struct pgunits *u, PGresult *r);
/* When the oldest unit was sent; there is one. */
mono_us_t pgunits_oldest(const struct pgunits *u);
/* Ends all units, as RETRY unless an error was told already: the connection is
 * lost. */
void pgunits_fail(struct pgunits *u, const char *why);
/* None is left (CHECK). */
void pgunits_free(struct pgunits *u);
