#include "common/http/router.h"

#include "common/base/check.h"

#include <string.h>

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

/* Does the path fit the row, whatever the method? */
static bool router_leads(
    const struct router *t, size_t i, const struct path *path)
{
	const struct route_head *row = router_at(t, i);
	size_t reserved = t->reserves ? strlen(t->reserves) : 0;
	bool reserves =
	    reserved && strncmp(row->pattern, t->reserves, reserved) == 0;
	return router_fits(row->pattern, path, reserves);
}

/* Do both take the same paths? The names in braces may differ. */
static bool router_same(const char *a, const char *b)
{
	while (*a && *a == *b) {
		if (*a == '{') {
			a += strcspn(a, "}");
			b += strcspn(b, "}");
		} else {
			a++;
			b++;
		}
	}
	return *a == *b;
}

/* Is it the pattern that the path belongs to? `decided`: that of the first row
 * that leads there; NULL: as yet there is none. */
static bool router_decides(const struct router *t, size_t i,
    const struct path *path, const char **decided)
{
	const struct route_head *row = router_at(t, i);
	if (*decided)
		return router_same(row->pattern, *decided);
	if (!router_leads(t, i, path))
		return false;
	*decided = row->pattern;
	return true;
}

static void router_add_methods(
    const struct router *t, const struct path *path, struct buf *allow)
{
	const char *pattern = NULL;
	for (size_t i = 0; i < t->nrows; i++) {
		const struct route_head *row = router_at(t, i);
		if (!router_decides(t, i, path, &pattern))
			continue;
		buf_printf(allow, "%s%s%s", allow->len ? ", " : "", row->method,
		    strcmp(row->method, "GET") == 0 ? ", HEAD" : "");
	}
}

const void *router_find(const struct router *t, const char *method,
    const struct path *path, struct buf *allow)
{
	const char *pattern = NULL;
	for (size_t i = 0; i < t->nrows; i++) {
		if (router_decides(t, i, path, &pattern) &&
		    router_allows(router_at(t, i), method))
			return router_at(t, i);
	}
	if (pattern)
		router_add_methods(t, path, allow);
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
