/* A unit that can be cancelled before its answer comes. */
#pragma once

#include "common/postgres/pg_pool.h"

struct pg_request;

/* NULL: no connection is ready. Otherwise `done` is called once, later, unless
 * cancelled; the handle is invalid from then on. */
struct pg_request *pg_request_submit(struct pg_pool *p,
    const struct pg_query *queries, size_t n, pg_done done, void *arg);
/* The same, on one of the connections from number `first` on, if one of these
 * is ready. */
struct pg_request *pg_request_submit_from(struct pg_pool *p, size_t first,
    const struct pg_query *queries, size_t n, pg_done done, void *arg);
/* `done` is not called. NULL is fine. */
void pg_request_cancel(struct pg_request **a);
