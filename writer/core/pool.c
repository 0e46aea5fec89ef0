#include "writer/core/pool.h"

#include "common/base/mem.h"
#include "common/sql/sql.h"

#include <stdlib.h>

/* A statement that waits for a lock fails after this time, so that the writer
 * can report it, and is sent again. Another session may hold a table or the row
 * of a partition. */
#define SESSION SQL_SESSION "; SET lock_timeout = '5s'"

struct pool {
	struct pg **all;
	size_t n;
	void (*ready)(void *arg);
	void *arg;
};

static void pool_on_state(void *arg, bool ready)
{
	struct pool *p = arg;
	if (ready)
		p->ready(p->arg);
}

struct pool *pool_new(const struct pool_options *o)
{
	struct pool *p = MEM_NEW(struct pool);
	*p = (struct pool){.ready = o->ready, .arg = o->arg};
	p->all = mem_zalloc(o->connections * sizeof *p->all);
	p->n = o->connections;
	const struct pg_options options = {
	    .loop = o->loop,
	    .name = "primary",
	    .url = o->url,
	    .session = "read-write",
	    .setup = SESSION,
	    .connect_timeout = CLOCK_S(5),
	    .query_timeout = CLOCK_S(60),
	    .state = pool_on_state,
	    .arg = p,
	};
	for (size_t i = 0; i < p->n; i++)
		p->all[i] = pg_new(&options);
	return p;
}

bool pool_submit(struct pool *p, const struct pg_query *queries, size_t n,
    pg_done done, void *arg)
{
	struct pg *best = NULL;
	for (size_t i = 0; i < p->n; i++) {
		struct pg *pg = p->all[i];
		if (pg_ready(pg) &&
		    (best == NULL || pg_pending(pg) < pg_pending(best)))
			best = pg;
	}
	return best && pg_submit(best, queries, n, done, arg);
}

size_t pool_ready(const struct pool *p)
{
	size_t n = 0;
	for (size_t i = 0; i < p->n; i++)
		n += pg_ready(p->all[i]);
	return n;
}

const char *pool_error(const struct pool *p)
{
	for (size_t i = 0; i < p->n; i++) {
		if (!pg_ready(p->all[i]) && *pg_last_error(p->all[i]))
			return pg_last_error(p->all[i]);
	}
	return "not connected yet";
}

void pool_free(struct pool **pp)
{
	if (*pp == NULL)
		return;
	for (size_t i = 0; i < (*pp)->n; i++)
		pg_free(&(*pp)->all[i]);
	free((*pp)->all);
	free(*pp);
	*pp = NULL;
}
