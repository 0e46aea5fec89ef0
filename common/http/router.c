#include "common/http/router.h"

#include "common/base/check.h"

#include <string.h>

const char *verb_name(enum verb v)
{
	static const char *const names[VERB_COUNT] = {
#define VERB(name, what) [VERB_##name] = #name,
#include "common/http/verbs.def"
#undef VERB
	};
	CHECK(v < VERB_COUNT);
	return names[v];
}

const void *router_at(const struct router *t, size_t i)
{
	CHECK(i < t->nrows);
	return (const char *)t->rows + i * t->size;
}

static bool router_fits(
    const char *pattern, const struct path *path, bool reserves)
{
	size_t i = 0;
	for (const char *s = pattern; *s == '/'; i++) {
		size_t len = strcspn(++s, "/");
		if (i >= path->n)
			return false;
		const struct path_segment *seg = &path->segments[i];
		if (*s == '{') {
			if (reserves && seg->reserved)
				return false;
		} else if (seg->len != len || memcmp(seg->text, s, len) != 0) {
			return false;
		}
		s += len;
	}
	return i == path->n;
}

static bool router_allows(const struct route_head *row, const char *method)
{
	return strcmp(row->method, method) == 0 ||
	       (strcmp(method, "HEAD") == 0 && strcmp(row->method, "GET") == 0);
}

static void router_add_method(struct buf *allow, const char *method)
{
	buf_printf(allow, "%s%s%s", allow->len ? ", " : "", method,
	    strcmp(method, "GET") == 0 ? ", HEAD" : "");
}

const void *router_find(const struct router *t, const char *method,
    const struct path *path, struct buf *allow)
{
	size_t reserved = t->reserves ? strlen(t->reserves) : 0;
	for (size_t i = 0; i < t->nrows; i++) {
		const struct route_head *row = router_at(t, i);
		bool reserves = reserved && strncmp(row->pattern, t->reserves,
						reserved) == 0;
		if (!router_fits(row->pattern, path, reserves))
			continue;
		if (router_allows(row, method))
			return row;
		router_add_method(allow, row->method);
	}
	return NULL;
}

const struct path_segment *router_value(
    const struct route_head *row, const struct path *path, const char *name)
{
	size_t i = 0, wanted = strlen(name);
	for (const char *s = row->pattern; *s == '/'; i++) {
		size_t len = strcspn(++s, "/");
		if (len == wanted && memcmp(s, name, len) == 0)
			return &path->segments[i];
		s += len;
	}
	return NULL;
}
