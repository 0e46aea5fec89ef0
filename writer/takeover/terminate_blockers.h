/* Ends the sessions that hold a partition's row in sluice.progress while they
 * wait for their client.
 *
 * The race: a writer stops (SIGSTOP, a lost host, a black hole in the network)
 * with half of its transaction sent. Postgres waits for the rest, with the row
 * locked, for as long as the connection seems to live; no timeout of Postgres
 * 15 ends that. Whoever needs the row would wait as long. Nothing is lost with
 * such a session: the log has its writes, and its writer would be fenced.
 *
 * Only sessions of the same database user are ended, so it needs no privilege.
 */
#pragma once

#include "writer/core/context.h"

#include "common/postgres/pg.h"

/* Call it with the answer to what may have waited for the row: a lock timeout
 * makes it look. Returns at once; what it ended is logged. */
void terminate_blockers(struct context *x, const struct err *e);
