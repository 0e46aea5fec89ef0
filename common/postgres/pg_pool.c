#include "common/postgres/pg_pool.h"

#include "common/base/check.h"
#include "common/base/mem.h"

#include <stdlib.h>

struct pg_pool {
	struct pg_pool_options o;
	struct pg **all;
	size_t n;
	bool closing; /* callers of pending units may submit more */
};

bool pg_pool_grow(struct pg_pool *p)
{
	if (p->n >= p->o.max || p->closing)
		return false;
	p->all = mem_realloc(p->all, (p->n + 1) * sizeof *p->all);
	p->all[p->n++] = pg_new(&p->o.connection);
	return true;
}

struct pg_pool *pg_pool_new(const struct pg_pool_options *o)
{
	struct pg_pool *p = MEM_NEW(struct pg_pool);
	p->o = *o;
	while (p->n < o->min && pg_pool_grow(p))
		continue;
	return p;
}

size_t pg_pool_size(const struct pg_pool *p)
{
	return p->n;
}

struct pg *pg_pool_at(const struct pg_pool *p, size_t i)
{
	CHECK(i < p->n);
	return p->all[i];
}

size_t pg_pool_ready(const struct pg_pool *p)
{
	size_t n = 0;
	for (size_t i = 0; i < p->n && !p->closing; i++)
		n += pg_ready(p->all[i]);
	return n;
}

/* The ready connection with the fewest pending units, or NULL. */
static struct pg *least_busy(const struct pg_pool *p, size_t first)
{
	struct pg *best = NULL;
	for (size_t i = first; i < p->n && !p->closing; i++) {
		struct pg *pg = p->all[i];
		if (pg_ready(pg) &&
		    (best == NULL || pg_pending(pg) < pg_pending(best)))
			best = pg;
	}
	return best;
}

bool pg_pool_submit_from(struct pg_pool *p, size_t first,
    const struct pg_query *queries, size_t n, pg_done done, void *arg)
{
	struct pg *best = least_busy(p, first);
	if (best == NULL)
		best = least_busy(p, 0);
	return best && pg_submit(best, queries, n, done, arg);
}

bool pg_pool_submit(struct pg_pool *p, const struct pg_query *queries, size_t n,
    pg_done done, void *arg)
{
	return pg_pool_submit_from(p, 0, queries, n, done, arg);
}

const char *pg_pool_error(const struct pg_pool *p)
{
	for (size_t i = 0; i < p->n && !p->closing; i++) {
		if (!pg_ready(p->all[i]) && *pg_last_error(p->all[i]))
			return pg_last_error(p->all[i]);
	}
	return "not connected yet";
}

void pg_pool_free(struct pg_pool **pp)
{
	struct pg_pool *p = *pp;
	if (p == NULL)
		return;
	p->closing = true;
	for (size_t i = 0; i < p->n; i++)
		pg_free(&p->all[i]);
	free(p->all);
	free(p);
	*pp = NULL;
}
