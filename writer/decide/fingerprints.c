#include "writer/decide/fingerprints.h"

#include "common/base/mem.h"
#include "common/postgres/pg_binary.h"

#include <stdlib.h>
#include <string.h>

struct shape {
	const struct collection *collection;
	uint64_t shape;
	int32_t generation;
};

struct fingerprints {
	struct shape *all;
	size_t n;
	bool has[COLLECTIONS_MAX]; /* its own, by index */
};

static const struct shape *fingerprints_find(
    const struct fingerprints *s, const struct collection *c, uint64_t shape)
{
	for (size_t i = 0; i < s->n; i++) {
		if (s->all[i].collection == c && s->all[i].shape == shape)
			return &s->all[i];
	}
	return NULL;
}

/* Drops the shapes that are newer than this writer's. */
static void drop_newer(struct fingerprints *s)
{
	size_t kept = 0;
	for (size_t i = 0; i < s->n; i++) {
		const struct collection *c = s->all[i].collection;
		const struct shape *own = fingerprints_find(s, c, c->shape);
		s->has[c->index] = own != NULL;
		if (own && s->all[i].generation <= own->generation)
			s->all[kept++] = s->all[i];
		else
			s->all[i].collection = NULL;
	}
	s->n = kept;
}

struct fingerprints *fingerprints_read(const PGresult *r)
{
	struct fingerprints *s = MEM_NEW(struct fingerprints);
	s->all = mem_zalloc(((size_t)PQntuples(r) + 1) * sizeof *s->all);
	for (int i = 0; i < PQntuples(r); i++) {
		const char *name = PQgetvalue(r, i, 0);
		struct shape *shape = &s->all[s->n];
		shape->collection = collection_find(name, strlen(name));
		shape->shape = strtoull(PQgetvalue(r, i, 1), NULL, 16);
		shape->generation = pg_int4(r, i, 2);
		s->n += shape->collection != NULL;
	}
	drop_newer(s);
	return s;
}

void fingerprints_free(struct fingerprints **sp)
{
	if (*sp)
		free((*sp)->all);
	free(*sp);
	*sp = NULL;
}

const struct collection *fingerprints_missing(const struct fingerprints *s)
{
	const struct collection *c;
	for (size_t i = 0; (c = collection_at(i)) != NULL; i++) {
		if (!s->has[i])
			return c;
	}
	return NULL;
}

bool fingerprints_has(const struct fingerprints *s, const struct collection *c)
{
	return s->has[c->index];
}

bool fingerprints_known(
    const struct fingerprints *s, const struct collection *c, uint64_t shape)
{
	if (shape == 0 || shape == c->shape)
		return s->has[c->index];
	return fingerprints_find(s, c, shape) != NULL;
}
