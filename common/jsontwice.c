#include "common/jsontwice.h"

#include "common/jsontext.h"
#include "common/mem.h"

#include <stdint.h>
#include <stdlib.h>

/* A few names are compared each with each; more are sorted by their hash. */
enum { FEW = 8 };

struct name {
	uint64_t hash;
	struct jsonraw raw;
};

/* By hash, then as they stand. */
static int by_hash(const void *a, const void *b)
{
	const struct name *x = a, *y = b;
	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	return (x->raw.s > y->raw.s) - (x->raw.s < y->raw.s);
}

static struct jsonraw among(struct name *names, size_t n)
{
	qsort(names, n, sizeof *names, by_hash);
	for (size_t i = 1; i < n; i++) {
		/* Equal hashes stand together; different names seldom do. */
		for (size_t k = i; k-- > 0 && names[k].hash == names[i].hash;) {
			if (jsontext_same(names[k].raw, names[i].raw))
				return names[i].raw;
		}
	}
	return (struct jsonraw){0};
}

static struct jsonraw in_many(struct jsonraw object, size_t n)
{
	struct name *names = mem_alloc(n * sizeof *names);
	struct jsonraw_member m = jsonraw_members(object);
	for (size_t i = 0; jsonraw_next(&m); i++)
		names[i] = (struct name){jsontext_hash(m.name), m.name};
	struct jsonraw found = among(names, n);
	free(names);
	return found;
}

static struct jsonraw in_object(struct jsonraw object)
{
	struct jsonraw few[FEW], found = {0};
	struct jsonraw_member m = jsonraw_members(object);
	size_t n = 0;
	while (found.s == NULL && jsonraw_next(&m)) {
		for (size_t i = 0; found.s == NULL && i < n && i < FEW; i++) {
			if (jsontext_same(few[i], m.name))
				found = m.name;
		}
		if (n < FEW)
			few[n] = m.name;
		n++;
		if (found.s == NULL)
			found = jsontwice_find(m.value);
	}
	return found.s || n <= FEW ? found : in_many(object, n);
}

struct jsonraw jsontwice_find(struct jsonraw v)
{
	struct jsonraw found = {0};
	enum jsonraw_kind kind = jsonraw_kind(v);
	if (kind == JSONRAW_OBJECT)
		return in_object(v);
	if (kind != JSONRAW_ARRAY)
		return found;
	struct jsonraw_element e = jsonraw_elements(v);
	while (found.s == NULL && jsonraw_each(&e))
		found = jsontwice_find(e.value);
	return found;
}
