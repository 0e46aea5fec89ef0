/* One walk over the value. The names of all open objects are in one array, the
 * innermost object's last. The names of an object are checked when it ends.
 */
#include "common/json/jsondup.h"

#include "common/base/mem.h"
#include "common/json/jsonstring.h"
#include "common/json/jsonwalk.h"

#include <stdint.h>
#include <stdlib.h>

/* Up to so many names are compared pairwise; more are sorted. */
enum { FEW = 8 };

struct name {
	uint64_t hash;
	struct jsonslice raw;
};

struct names {
	struct name *all;
	size_t n, cap;
};

/* Makes equal names adjacent, in the order of the text. The hash is compared
 * first, because that is quick. If hashes are equal, the names are compared, so
 * that many names with one hash cost no more than others. */
static int jsondup_by_name(const void *a, const void *b)
{
	const struct name *x = a, *y = b;
	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	int order = jsonstring_compare(x->raw, y->raw);
	return order ? order : (x->raw.s > y->raw.s) - (x->raw.s < y->raw.s);
}

static struct jsonslice in_few(const struct name *names, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		for (size_t k = 0; k < i; k++) {
			if (jsonstring_same(names[k].raw, names[i].raw))
				return names[i].raw;
		}
	}
	return (struct jsonslice){0};
}

static struct jsonslice in_many(struct name *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		names[i].hash = jsonstring_hash(names[i].raw);
	qsort(names, n, sizeof *names, jsondup_by_name);
	for (size_t i = 1; i < n; i++) {
		if (names[i].hash == names[i - 1].hash &&
		    jsonstring_same(names[i].raw, names[i - 1].raw))
			return names[i].raw;
	}
	return (struct jsonslice){0};
}

static void jsondup_add(struct names *s, struct jsonslice name)
{
	MEM_GROW(s->all, s->cap, s->n);
	s->all[s->n++] = (struct name){.raw = name};
}

static struct jsonslice jsondup_search(struct names *s, struct jsonwalk *w)
{
	size_t first[JSONSLICE_DEPTH + 2]; /* of each open one */
	size_t depth = 0;
	struct jsonslice found = {0};
	enum jsonwalk_token t;
	while (found.s == NULL && (t = jsonwalk_next(w)) != JSONWALK_END) {
		if (t == JSONWALK_NAME) {
			jsondup_add(s, w->token);
		} else if (t == JSONWALK_OBJECT || t == JSONWALK_ARRAY) {
			first[depth++] = s->n;
		} else if (t == JSONWALK_CLOSE) {
			size_t begin = first[--depth], n = s->n - begin;
			if (n)
				found = n <= FEW ? in_few(&s->all[begin], n)
						 : in_many(&s->all[begin], n);
			s->n = begin;
		}
	}
	return found;
}

struct jsonslice jsondup_find(struct jsonslice v)
{
	struct names s = {0};
	struct jsonwalk w = {.at = v.s, .end = v.s + v.len};
	struct jsonslice found = jsondup_search(&s, &w);
	free(s.all);
	return found;
}
