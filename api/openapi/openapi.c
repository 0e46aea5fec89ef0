#include "api/openapi/openapi.h"

#include "api/core/problem.h"
#include "api/openapi/embedded.h"
#include "api/openapi/json_schema.h"
#include "api/openapi/operation_json.h"
#include "common/base/check.h"

#include <stdlib.h>
#include <string.h>

/* Has the document one path of this route for each collection? */
static bool is_of_each(const struct route *route)
{
	return strstr(route->head.pattern, "{collection}") != NULL;
}

/* The collection of a route outside of /v1. */
static const struct collection *openapi_named(const struct route *route)
{
	const char *name = route->collection;
	return name ? collection_find(name, strlen(name)) : NULL;
}

static bool any_has_groups(void)
{
	const struct collection *c;
	for (size_t i = 0; (c = collection_at(i)) != NULL; i++) {
		if (c->group)
			return true;
	}
	return false;
}

/* Can a request of the route succeed? The collection of the route must exist,
 * or a collection with groups, if the route is about these. */
static bool is_served(const struct route *route)
{
	if (strcmp(route->operation.id, "batch") == 0 ||
	    strcmp(route->operation.id, "group") == 0)
		return any_has_groups();
	return route->collection == NULL || openapi_named(route);
}

/* --- paths --------------------------------------------------------------- */

static void path_name(
    const char *pattern, const struct collection *c, struct buf *out)
{
	for (const char *s = pattern; *s;) {
		if (*s != '{') {
			buf_char(out, *s++);
			continue;
		}
		size_t len = strcspn(s, "}") + 1;
		if (strncmp(s, "{collection}", len) == 0)
			buf_str(out, c->name);
		else if (strncmp(s, "{key}", len) == 0)
			buf_printf(out, "{%s}", c->key_name);
		else
			buf_add(out, s, len);
		s += len;
	}
}

static bool is_first_of_path(const struct router *routes, size_t index)
{
	const struct route *at = router_at(routes, index);
	for (size_t i = 0; i < index; i++) {
		const struct route *route = router_at(routes, i);
		if (is_served(route) &&
		    strcmp(route->head.pattern, at->head.pattern) == 0)
			return false;
	}
	return is_served(at);
}

static void path_item(struct jsonout *j, const struct router *routes,
    size_t first, const struct collection *c)
{
	const struct route *at = router_at(routes, first);
	const char *pattern = at->head.pattern;
	struct buf name = {0};
	path_name(pattern, c, &name);
	jsonout_open(j, name.data, '{');
	buf_free(&name);
	for (size_t i = first; i < routes->nrows; i++) {
		const struct route *route = router_at(routes, i);
		if (strcmp(route->head.pattern, pattern) == 0 &&
		    is_served(route))
			operation_json_operation(j, route, c);
	}
	jsonout_close(j, '}');
}

static void paths(struct jsonout *j, const struct router *routes)
{
	const struct collection *c;
	jsonout_open(j, "paths", '{');
	for (size_t i = 0; i < routes->nrows; i++) {
		const struct route *route = router_at(routes, i);
		bool each = is_of_each(route);
		if (!is_first_of_path(routes, i))
			continue;
		for (size_t k = 0; each && (c = collection_at(k)); k++)
			path_item(j, routes, i, c);
		if (!each)
			path_item(j, routes, i, openapi_named(route));
	}
	jsonout_close(j, '}');
}

/* --- components ---------------------------------------------------------- */

static void collection_schemas(struct jsonout *j)
{
	const struct collection *c;
	for (size_t i = 0; (c = collection_at(i)) != NULL; i++) {
		for (int of = 0; of < JSON_SCHEMA_KINDS; of++) {
			struct buf name = {0};
			buf_printf(&name, "%s%s", c->name,
			    json_schema_suffix((enum json_schema_of)of));
			if (json_schema_exists(c, (enum json_schema_of)of))
				json_schema_write(
				    j, name.data, c, (enum json_schema_of)of);
			buf_free(&name);
		}
	}
}

/* The name is copied without its quotes; it has no escapes. */
static void openapi_copy(struct jsonout *j, struct jsonslice_member m)
{
	struct buf name = {0};
	jsonslice_text(&name, m.name);
	jsonout_raw(j, name.data, m.value);
	buf_free(&name);
}

/* Writes the problem as it is sent. */
static void problem_example(struct jsonout *j, enum problem p)
{
	struct violations v = {0};
	struct buf text = {0};
	const char *extra =
	    p == PROBLEM_INVALID_JSON	  ? ",\"offset\":9"
	    : p == PROBLEM_INVALID_FILTER ? ",\"parameter\":\"limit\""
	    : p == PROBLEM_INVALID_CURSOR ? ",\"parameter\":\"cursor\""
					  : NULL;
	if (p == PROBLEM_VALIDATION)
		violations_add(&v, "title", "is required");
	problem_write(&text, p, NULL, &v, extra);
	jsonout_open(j, problem_type(p), '{');
	while (text.len && text.data[text.len - 1] == '\n')
		text.len--;
	jsonout_raw(j, "value", (struct jsonslice){text.data, text.len});
	jsonout_close(j, '}');
	buf_free(&text);
	violations_free(&v);
}

static void problem_examples(struct jsonout *j)
{
	jsonout_open(j, "examples", '{');
	for (int p = 0; p < PROBLEM_COUNT; p++)
		problem_example(j, (enum problem)p);
	jsonout_close(j, '}');
}

static void components(struct jsonout *j)
{
	struct jsonslice all;
	CHECK(jsonslice_scan(components_json.data, components_json.len, &all));
	struct jsonslice_member kind = jsonslice_members(all);
	jsonout_open(j, "components", '{');
	problem_examples(j);
	while (jsonslice_next(&kind)) {
		if (!jsonslice_equals(kind.name, "schemas", 7)) {
			openapi_copy(j, kind);
			continue;
		}
		jsonout_open(j, "schemas", '{');
		collection_schemas(j);
		struct jsonslice_member m = jsonslice_members(kind.value);
		while (jsonslice_next(&m))
			openapi_copy(j, m);
		jsonout_close(j, '}');
	}
	jsonout_close(j, '}');
}

/* --- the whole ----------------------------------------------------------- */

static void info(struct jsonout *j)
{
	jsonout_open(j, "info", '{');
	jsonout_string(j, "title", "Sluice");
	jsonout_string(j, "version", SLUICE_VERSION);
	jsonout_string(j, "description",
	    "A write buffer and a coherent read cache around PostgreSQL. A "
	    "write is answered when the log has it, or after its commit "
	    "(Prefer: wait=5). A read names its source in Cache-Status. Every "
	    "GET route also answers HEAD. An answer has the header "
	    "X-Request-Id: that of the request, or one that is made.");
	jsonout_open(j, "license", '{');
	jsonout_string(j, "name", "MIT");
	jsonout_string(j, "identifier", "MIT");
	jsonout_close(j, '}');
	jsonout_close(j, '}');
}

static void tag(
    struct jsonout *j, const char *name, struct jsonslice description)
{
	jsonout_open(j, NULL, '{');
	jsonout_string(j, "name", name);
	if (description.s)
		jsonout_raw(j, "description", description);
	jsonout_close(j, '}');
}

static void tags(struct jsonout *j)
{
	static const struct {
		const char *name, *description;
	} others[] = {
	    {"writes", "\"Atomic batches, and outcomes of writes.\""},
	    {"groups", "\"Documents that change together, read together.\""},
	    {"service",
		"\"This instance: health, statistics, documentation.\""},
	    {"operations", "\"What an operator asks of the caches.\""},
	    {"reference routes", "\"The routes of the reference systems.\""},
	};
	const struct collection *c;
	jsonout_open(j, "tags", '[');
	for (size_t i = 0; (c = collection_at(i)) != NULL; i++)
		tag(j, c->name, c->description);
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
		tag(j, others[i].name,
		    (struct jsonslice){
			others[i].description, strlen(others[i].description)});
	jsonout_close(j, ']');
}

/* One of the schemes, or none: what is granted to everybody needs none. */
static void security(struct jsonout *j)
{
	static const char any[] = "[{\"bearer\":[]},{\"key\":[]},{}]";
	jsonout_raw(j, "security", (struct jsonslice){any, sizeof any - 1});
}

void openapi_write(const struct router *routes, struct buf *out)
{
	struct jsonout j = {.out = out};
	jsonout_open(&j, NULL, '{');
	jsonout_string(&j, "openapi", "3.1.0");
	info(&j);
	security(&j);
	tags(&j);
	paths(&j, routes);
	components(&j);
	jsonout_close(&j, '}');
	buf_char(out, '\n');
}
