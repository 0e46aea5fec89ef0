/* The writer's connections to the primary. */
#pragma once

#include "common/postgres/pg.h"

struct pool;

struct pool_options {
	struct loop *loop;
	const char *url;
	size_t connections;
	/* A connection became ready. */
	void (*ready)(void *arg);
	void *arg;
};

struct pool *pool_new(const struct pool_options *o);
/* Uses the ready connection with the fewest pending units. False: none is
 * ready. */
bool pool_submit(struct pool *p, const struct pg_query *queries, size_t n,
    pg_done done, void *arg);
/* How many connections are ready. */
size_t pool_ready(const struct pool *p);
/* Why the last connection that failed is not ready. */
const char *pool_error(const struct pool *p);
/* Answers pending units before it returns. */
void pool_free(struct pool **p);
