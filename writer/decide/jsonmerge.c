/* The members of both objects are sorted by the hashes of their names, and then
 * by the names. A document may have some hundred thousand members. A linear
 * search for each of them would take minutes, and would block the writer's
 * loop.
 *
 * The end of each object and array is found once, in one pass over the text. So
 * the cost of a byte does not depend on its depth.
 */
#include "writer/decide/jsonmerge.h"

#include "common/base/mem.h"
#include "common/json/jsonstring.h"
#include "common/json/jsonwalk.h"

#include <stdint.h>
#include <stdlib.h>

/* --- where objects and arrays end ---------------------------------------- */

struct extent {
	const char *end; /* behind the closing bracket */
	size_t next;	 /* the first one that is not within it */
};

/* In the order in which they begin. */
struct extents {
	struct extent *all;
	size_t n, cap;
};

static void find_extents(struct extents *x, struct jsonslice v)
{
	size_t open[JSONSLICE_DEPTH + 2], depth = 0;
	struct jsonwalk w = {.at = v.s, .end = v.s + v.len};
	enum jsonwalk_token t;
	while ((t = jsonwalk_next(&w)) != JSONWALK_END) {
		if (t == JSONWALK_OBJECT || t == JSONWALK_ARRAY) {
			MEM_GROW(x->all, x->cap, x->n);
			open[depth++] = x->n++;
		} else if (t == JSONWALK_CLOSE) {
			x->all[open[--depth]] = (struct extent){w.at, x->n};
		}
	}
}

/* A value, and if it is an object or array, which one of its text. */
struct part {
	struct jsonslice raw; /* s NULL: there is none */
	const struct extents *extents;
	size_t i;
};

/* Takes the next value. */
static struct part jsonmerge_take_value(
    struct jsonwalk *w, const struct extents *x, size_t *i)
{
	enum jsonwalk_token t = jsonwalk_next(w);
	struct part p = {w->token, x, *i};
	if (t != JSONWALK_OBJECT && t != JSONWALK_ARRAY)
		return p;
	w->at = x->all[*i].end;
	p.raw.len = (size_t)(w->at - p.raw.s);
	*i = x->all[*i].next;
	return p;
}

static bool is_object(const struct part *p)
{
	return p->raw.s && *p->raw.s == '{';
}

/* --- members ------------------------------------------------------------- */

struct member {
	uint64_t hash;
	size_t at; /* those of the target first, in their order */
	struct jsonslice name;
	struct part value;
	bool patches;
	bool replaced; /* by a later one of the same object */
	/* Of a target's: the patch's. */
	struct part patch;
	/* Of a patch's: the target has one, and what becomes of it is said
	 * there. */
	bool said;
};

struct members {
	struct member *all;
	size_t n, cap;
};

static void jsonmerge_add(
    struct members *s, const struct part *object, bool patches)
{
	size_t i = object->i + 1;
	struct jsonwalk w = {.at = object->raw.s + 1,
	    .end = object->raw.s + object->raw.len - 1};
	while (jsonwalk_next(&w) != JSONWALK_END) {
		struct jsonslice name = w.token;
		MEM_GROW(s->all, s->cap, s->n);
		s->all[s->n] = (struct member){
		    .hash = jsonstring_hash(name),
		    .at = s->n,
		    .name = name,
		    .value = jsonmerge_take_value(&w, object->extents, &i),
		    .patches = patches,
		};
		s->n++;
	}
}

static int jsonmerge_by_name(const void *a, const void *b)
{
	const struct member *x = a, *y = b;
	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	int order = jsonstring_compare(x->name, y->name);
	return order ? order : (x->at > y->at) - (x->at < y->at);
}

static int by_place(const void *a, const void *b)
{
	const struct member *x = a, *y = b;
	return (x->at > y->at) - (x->at < y->at);
}

static bool same_name(const struct member *a, const struct member *b)
{
	return a->hash == b->hash && jsonstring_same(a->name, b->name);
}

/* Equal names are adjacent. The last member of the target with a name is paired
 * with the last member of the patch. */
static void pair(struct members *s)
{
	qsort(s->all, s->n, sizeof *s->all, jsonmerge_by_name);
	for (size_t i = 0, end; i < s->n; i = end) {
		struct member *was = NULL;
		for (end = i; end < s->n && same_name(&s->all[i], &s->all[end]);
		     end++) {
			struct member *m = &s->all[end];
			if (end > i && s->all[end - 1].patches == m->patches)
				s->all[end - 1].replaced = true;
			if (!m->patches)
				was = m;
		}
		struct member *last = &s->all[end - 1];
		if (was && last->patches) {
			was->patch = last->value;
			last->said = true;
		}
	}
	qsort(s->all, s->n, sizeof *s->all, by_place);
}

/* --- merging ------------------------------------------------------------- */

static void merge(
    struct buf *out, const struct part *target, const struct part *patch);

static void jsonmerge_put(struct buf *out, bool *first, const struct member *m)
{
	static const struct part nothing;
	const struct part *was = m->patches ? &nothing : &m->value;
	const struct part *patch = m->patches ? &m->value : &m->patch;
	if (patch->raw.s && jsonslice_kind(patch->raw) == JSONSLICE_NULL)
		return;
	buf_str(out, *first ? "" : ",");
	*first = false;
	buf_add(out, m->name.s, m->name.len);
	buf_char(out, ':');
	if (patch->raw.s)
		merge(out, was, patch);
	else
		buf_add(out, was->raw.s, was->raw.len);
}

static void merge(
    struct buf *out, const struct part *target, const struct part *patch)
{
	struct members s = {0};
	if (!is_object(patch)) {
		buf_add(out, patch->raw.s, patch->raw.len);
		return;
	}
	if (is_object(target))
		jsonmerge_add(&s, target, false);
	jsonmerge_add(&s, patch, true);
	if (s.n)
		pair(&s);
	bool first = true;
	buf_char(out, '{');
	for (size_t i = 0; i < s.n; i++) {
		if (!s.all[i].replaced && !s.all[i].said)
			jsonmerge_put(out, &first, &s.all[i]);
	}
	buf_char(out, '}');
	free(s.all);
}

void jsonmerge(struct buf *out, struct jsonslice target, struct jsonslice patch)
{
	struct extents of_target = {0}, of_patch = {0};
	const struct part was = {target, &of_target, 0};
	const struct part by = {patch, &of_patch, 0};
	if (is_object(&by)) {
		find_extents(&of_patch, patch);
		if (is_object(&was))
			find_extents(&of_target, target);
	}
	merge(out, &was, &by);
	free(of_target.all);
	free(of_patch.all);
}
