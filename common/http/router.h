/* Tables of routes, and the match of a request with one of them (pure core).
 *
 * A table is an array of rows whose first member is a struct route_head. The
 * public listener (api/routes.def) and the admin listeners
 * (common/daemon/admin.h) have one each. A row is matched when the headers are
 * in, before a byte of the body is taken.
 */
#pragma once

#include "common/access/verb.h"
#include "common/base/buf.h"
#include "common/http/path.h"

#include <stddef.h>

struct route_head {
	const char *method;  /* GET answers HEAD, too */
	const char *pattern; /* a segment in braces takes any value */
	enum verb verb;
};

/* The first member of a row. There is no row without a verb: `name` that is
 * missing, or none of common/access/verbs.def, does not compile. */
#define ROUTE_HEAD(method, pattern, name)                                      \
	{                                                                      \
#method, pattern, VERB_##name                                  \
	}

struct router {
	const void *rows;
	size_t nrows;
	size_t size; /* of a row */
	/* In patterns with this prefix, a segment in braces takes no value that
	 * begins with `_` as it was sent. NULL: no such patterns. */
	const char *reserves;
};

#define ROUTER(table, reserved)                                                \
	{                                                                      \
		.rows = (table), .nrows = sizeof(table) / sizeof((table)[0]),  \
		.size = sizeof((table)[0]), .reserves = (reserved)             \
	}

/* The i-th row. */
const void *router_at(const struct router *t, size_t i);
/* The row of this method and path. The first pattern that fits the path decides
 * for all methods. So rows with a literal segment stand in front of those that
 * take any value there, as OpenAPI has it: /cache/clear before /cache/{name}.
 * NULL: there is no row; then the methods of the path are appended to `allow`,
 * in the form of the header Allow. Nothing is appended if no row has the path.
 */
const void *router_find(const struct router *t, const char *method,
    const struct path *path, struct buf *allow);
/* The segment at the place of `name` (with braces) in the pattern; NULL: the
 * pattern has no such segment. */
const struct path_segment *router_value(
    const struct route_head *row, const struct path *path, const char *name);
