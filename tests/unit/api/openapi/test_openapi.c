/* The OpenAPI document: every name in the table of routes is one, and what is
 * declared of a field is in its schema. Whether it is OpenAPI at all:
 * tests/integration/docs/test_openapi.py.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/core/problem.h"
#include "api/openapi/embedded.h"
#include "api/openapi/openapi.h"
#include "api/openapi/operation_json.h"
#include "api/routes.h"
#include "tests/unit/declared.h"

#include <jansson.h>

static json_t *document(void)
{
	static struct buf text; /* made once */
	json_error_t e;
	declared("records");
	if (text.len == 0)
		openapi_write(&routes_table, &text);
	json_t *doc =
	    json_loadb(text.data, text.len, JSON_REJECT_DUPLICATES, &e);
	if (doc == NULL)
		fail_msg("%s at %d", e.text, e.position);
	return doc;
}

static void has_each(const json_t *kind, const char *list)
{
	const char *word;
	size_t len;
	while (operation_json_word(&list, &word, &len)) {
		/* Those of a collection's query are none of these. */
		if ((len == 4 && memcmp(word, "list", 4) == 0) ||
		    (len == 6 && memcmp(word, "select", 6) == 0) ||
		    (len == 7 && memcmp(word, "filters", 7) == 0))
			continue;
		if (json_object_getn(kind, word, len) == NULL)
			fail_msg("no component %.*s", (int)len, word);
	}
}

static void every_name_is_one(void **state)
{
	(void)state;
	json_t *doc = document();
	const json_t *parts = json_object_get(doc, "components");
	const json_t *parameters = json_object_get(parts, "parameters");
	const json_t *headers = json_object_get(parts, "headers");
	for (size_t i = 0; i < routes_table.nrows; i++) {
		const struct route *route = router_at(&routes_table, i);
		const struct operation *op = &route->operation;
		const char *list = op->problems, *word;
		size_t len;
		has_each(parameters, op->parameters);
		for (size_t k = 0; op->answers[k].status; k++)
			has_each(headers, op->answers[k].headers);
		while (operation_json_word(&list, &word, &len)) {
			char type[64];
			snprintf(type, sizeof type, "%.*s", (int)len, word);
			assert_true(problem_status(problem_by_type(type)));
		}
	}
	json_decref(doc);
}

/* A pattern, sent as a path, leads to its own row: no row in front of it takes
 * the path. */
static void every_route_is_reached(void **state)
{
	(void)state;
	for (size_t i = 0; i < routes_table.nrows; i++) {
		const struct route_head *row = router_at(&routes_table, i);
		struct buf raw = {0}, allow = {0};
		struct path path;
		for (const char *s = row->pattern; *s; s++) {
			if (*s != '{' && *s != '}')
				buf_add(&raw, s, 1);
		}
		assert_true(path_parse(raw.data, &path));
		const void *found =
		    router_find(&routes_table, row->method, &path, &allow);
		if (found != row)
			fail_msg("%s %s", row->method, row->pattern);
		path_free(&path);
		buf_free(&raw);
		buf_free(&allow);
	}
}

/* --- references ---------------------------------------------------------- */

static void follow(const json_t *doc, const char *ref)
{
	assert_memory_equal(ref, "#/", 2);
	const json_t *at = doc;
	for (const char *s = ref + 1; *s == '/';) {
		size_t len = strcspn(++s, "/");
		at = json_object_getn(at, s, len);
		s += len;
	}
	if (at == NULL)
		fail_msg("%s leads nowhere", ref);
}

static void follow_all(const json_t *doc, json_t *v)
{
	const char *name;
	json_t *member;
	size_t i;
	json_object_foreach(v, name, member)
	{
		if (strcmp(name, "$ref") == 0)
			follow(doc, json_string_value(member));
		follow_all(doc, member);
	}
	json_array_foreach(v, i, member) follow_all(doc, member);
}

static void every_reference_leads_somewhere(void **state)
{
	(void)state;
	json_t *doc = document();
	follow_all(doc, doc);
	json_decref(doc);
}

/* --- schemas ------------------------------------------------------------- */

static void schema_is(const char *schema, const char *field, const char *want)
{
	json_t *doc = document();
	const json_t *at = json_object_get(
	    json_object_get(json_object_get(doc, "components"), "schemas"),
	    schema);
	at = json_object_get(json_object_get(at, "properties"), field);
	char *have = at ? json_dumps(at, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	if (have == NULL)
		fail_msg("%s has no %s", schema, field);
	assert_string_equal(have, want);
	free(have);
	json_decref(doc);
}

static void fields_keep_their_keywords(void **state)
{
	(void)state;
	schema_is(
	    "posts_new", "title", "{\"maxLength\":200,\"type\":\"string\"}");
	schema_is("products_document", "description",
	    "{\"type\":[\"string\",\"null\"]}");
	schema_is("products_new", "stock_quantity",
	    "{\"default\":0,\"format\":\"int64\",\"minimum\":0,"
	    "\"type\":\"integer\"}");
	schema_is("products_patch", "stock_quantity",
	    "{\"format\":\"int64\",\"minimum\":0,"
	    "\"type\":[\"integer\",\"null\"]}");
	schema_is("products_increment", "stock_quantity",
	    "{\"format\":\"int64\",\"type\":\"integer\"}");
	schema_is("samples_new", "mood",
	    "{\"default\":\"it's\",\"enum\":[\"good\",\"it's\",\"so-so\"],"
	    "\"type\":\"string\"}");
	schema_is("samples_new", "code",
	    "{\"maxLength\":10,\"minLength\":4,\"pattern\":\"^[A-Z]{2}-\\\\d+$"
	    "\","
	    "\"type\":[\"string\",\"null\"]}");
	schema_is("samples_document", "at",
	    "{\"format\":\"date-time\",\"type\":[\"string\",\"null\"]}");
}

/* jansson would read 1e20 and 1.50 as doubles. */
static void numbers_are_as_they_were_declared(void **state)
{
	(void)state;
	struct buf text = {0};
	declared("samples");
	openapi_write(&routes_table, &text);
	assert_non_null(strstr(text.data,
	    "\"part\":{\"type\":\"number\",\"exclusiveMinimum\":0,"
	    "\"maximum\":1e20,\"default\":1.50}"));
	assert_non_null(strstr(text.data,
	    "\"if\":true,\"then\":{\"type\":[\"number\",\"null\"],"
	    "\"enum\":[0.1,0.25,1e3,null]}"));
	buf_free(&text);
}

static void nothing_to_increment(void **state)
{
	(void)state;
	json_t *doc = document();
	char *text = json_dumps(doc, JSON_COMPACT);
	assert_non_null(strstr(text, "\"products_increment\""));
	assert_null(strstr(text, "posts_increment"));
	free(text);
	json_decref(doc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_name_is_one),
	    cmocka_unit_test(every_route_is_reached),
	    cmocka_unit_test(every_reference_leads_somewhere),
	    cmocka_unit_test(fields_keep_their_keywords),
	    cmocka_unit_test(numbers_are_as_they_were_declared),
	    cmocka_unit_test(nothing_to_increment),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
