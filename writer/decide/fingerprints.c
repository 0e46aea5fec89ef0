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

static const struct collection *without_own(const struct fingerprints *s)
{
	const struct collection *c;
	for (size_t i = 0; (c = collection_at(i)) != NULL; i++) {
		if (fingerprints_find(s, c, c->shape) == NULL)
			return c;
	}
	return NULL;
}

/* Drops the shapes that are newer than this writer's. */
static void drop_newer(struct fingerprints *s)
{
	size_t kept = 0;
	for (size_t i = 0; i < s->n; i++) {
		const struct collection *c = s->all[i].collection;
		if (s->all[i].generation <=
		    fingerprints_find(s, c, c->shape)->generation)
			s->all[kept++] = s->all[i];
		else
			s->all[i].collection = NULL;
	}
	s->n = kept;
}

struct fingerprints *fingerprints_read(
    const PGresult *r, const struct collection **missing)
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
	*missing = without_own(s);
	if (*missing)
		fingerprints_free(&s);
	else
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

bool fingerprints_known(
    const struct fingerprints *s, const struct collection *c, uint64_t shape)
{
	return shape == 0 || shape == c->shape ||
	       fingerprints_find(s, c, shape) != NULL;
}
