/* Ends the sessions that hold a partition's row in sluice.progress while they
 * wait for their client.
 *
 * The race: a writer stops (SIGSTOP, a lost host, a black hole in the network)
 * with half of its transaction sent. Postgres waits for the rest, with the row
 * locked, as long as the connection seems to live; no timeout of Postgres 15
 * ends this. The next owner of the partition would wait as long. Nothing is
 * lost if such a session ends: the log has its writes, and its writer would be
 * fenced.
 *
 * Only sessions of the same database user are ended, so it needs no privilege.
 */
#pragma once

#include "writer/core/context.h"

#include "common/postgres/pg.h"

/* Call it with the error of a statement that may have waited for the row. After
 * a lock timeout it looks for such sessions. Returns at once; logs each session
 * that it ended. */
void terminate_blockers(struct context *x, const struct err *e);
