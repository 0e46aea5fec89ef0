/* The members of both are sorted by the hashes of their names: a document has
 * room for some hundred thousand of them, and to look each up among all the
 * others takes minutes, in which its partition, and what shares the writer's
 * loop, stands still.
 */
#include "common/jsonmerge.h"

#include "common/jsontext.h"
#include "common/mem.h"

#include <stdint.h>
#include <stdlib.h>

struct member {
	uint64_t hash;
	size_t at; /* those of the target first, as they stand */
	struct jsonraw name, value;
	bool patches;
	bool replaced; /* by a later one of the same object */
	/* Of a target's: the patch's. */
	struct jsonraw patch;
	/* Of a patch's: the target has one, and what becomes of it is said
	 * there. */
	bool said;
};

struct members {
	struct member *all;
	size_t n, cap;
};

static void add(struct members *s, struct jsonraw object, bool patches)
{
	struct jsonraw_member m = jsonraw_members(object);
	while (jsonraw_next(&m)) {
		MEM_GROW(s->all, s->cap, s->n);
		s->all[s->n] = (struct member){
		    .hash = jsontext_hash(m.name),
		    .at = s->n,
		    .name = m.name,
		    .value = m.value,
		    .patches = patches,
		};
		s->n++;
	}
}

static int by_hash(const void *a, const void *b)
{
	const struct member *x = a, *y = b;
	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	return (x->at > y->at) - (x->at < y->at);
}

static int by_place(const void *a, const void *b)
{
	const struct member *x = a, *y = b;
	return (x->at > y->at) - (x->at < y->at);
}

/* `b` stands behind `a`. */
static void meet(struct member *a, struct member *b)
{
	if (!jsontext_same(a->name, b->name))
		return;
	if (a->patches == b->patches) {
		a->replaced = true;
	} else {
		a->patch = b->value;
		b->said = true;
	}
}

/* Equal hashes stand together; different names seldom do. */
static void pair(struct members *s)
{
	qsort(s->all, s->n, sizeof *s->all, by_hash);
	for (size_t i = 0; i < s->n; i++) {
		struct member *a = &s->all[i];
		/* One that is replaced has no say any more. */
		for (size_t k = i + 1;
		     k < s->n && !a->replaced && s->all[k].hash == a->hash; k++)
			meet(a, &s->all[k]);
	}
	qsort(s->all, s->n, sizeof *s->all, by_place);
}

static void put(struct buf *out, bool *first, struct jsonraw name,
    struct jsonraw was, struct jsonraw patch)
{
	if (patch.s && jsonraw_kind(patch) == JSONRAW_NULL)
		return;
	buf_str(out, *first ? "" : ",");
	*first = false;
	buf_add(out, name.s, name.len);
	buf_char(out, ':');
	if (patch.s)
		jsonmerge(out, was, patch);
	else
		buf_add(out, was.s, was.len);
}

void jsonmerge(struct buf *out, struct jsonraw target, struct jsonraw patch)
{
	struct members s = {0};
	if (jsonraw_kind(patch) != JSONRAW_OBJECT) {
		buf_add(out, patch.s, patch.len);
		return;
	}
	if (target.s && jsonraw_kind(target) == JSONRAW_OBJECT)
		add(&s, target, false);
	add(&s, patch, true);
	if (s.n)
		pair(&s);
	bool first = true;
	buf_char(out, '{');
	for (size_t i = 0; i < s.n; i++) {
		const struct member *m = &s.all[i];
		if (m->replaced || m->said)
			continue;
		if (m->patches)
			put(out, &first, m->name, (struct jsonraw){0},
			    m->value);
		else
			put(out, &first, m->name, m->value, m->patch);
	}
	buf_char(out, '}');
	free(s.all);
}
