/* Several connections to one server, on a loop (common/postgres/pg.h).
 *
 * A pool only holds connections. Its user decides what waits for a connection,
 * for how long, and what a failure says about the server. The writer submits at
 * once or not at all, and keeps a connection free of the units that may wait
 * for locks (writer/batch/scheduler.h). A list has a connection to itself,
 * and a deadline (api/list/pg_list.h). Reads are gathered into one statement,
 * behind a circuit breaker (api/read/pg_reader.h).
 */
#pragma once

#include "common/postgres/pg.h"

struct pg_pool;

struct pg_pool_options {
	/* For each connection. Its strings must live as long as the pool. */
	struct pg_options connection;
	size_t min, max; /* connections; `min` at the start */
};

/* Starts to connect. Returns owned. */
struct pg_pool *pg_pool_new(const struct pg_pool_options *o);
/* Adds a connection. False: there are `max` already, or the pool is closing. */
bool pg_pool_grow(struct pg_pool *p);
/* How many connections there are, ready or not. */
size_t pg_pool_size(const struct pg_pool *p);
/* Borrowed; i is less than the size. A connection keeps its number. */
struct pg *pg_pool_at(const struct pg_pool *p, size_t i);
/* How many are ready. */
size_t pg_pool_ready(const struct pg_pool *p);
/* As pg_submit, on the ready connection with the fewest pending units. False:
 * none is ready. */
bool pg_pool_submit(struct pg_pool *p, const struct pg_query *queries, size_t n,
    pg_done done, void *arg);
/* The same, on one of the connections from number `first` on. If none of these
 * is ready, on any. */
bool pg_pool_submit_from(struct pg_pool *p, size_t first,
    const struct pg_query *queries, size_t n, pg_done done, void *arg);
/* Why the first connection that is not ready is not. */
const char *pg_pool_error(const struct pg_pool *p);
/* Answers pending units (RETRY) before it returns. */
void pg_pool_free(struct pg_pool **p);
