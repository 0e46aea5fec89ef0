/* Routes: the match of a method and a path with a row of a table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/http/router.h"

#include <string.h>

struct row {
	struct route_head head;
	const char *name;
};

static const struct row rows[] = {
    {ROUTE_HEAD(GET, "/", docs), "root"},
    {ROUTE_HEAD(GET, "/v1", docs), "all"},
    {ROUTE_HEAD(GET, "/v1/{collection}", list), "list"},
    {ROUTE_HEAD(POST, "/v1/{collection}", create), "create"},
    {ROUTE_HEAD(GET, "/v1/{collection}/{key}", read), "get"},
    {ROUTE_HEAD(PUT, "/v1/{collection}/{key}", update), "put"},
    {ROUTE_HEAD(DELETE, "/v1/{collection}/{key}", delete), "delete"},
    {ROUTE_HEAD(GET, "/v1/{collection}/_changes", changes), "changes"},
    {ROUTE_HEAD(GET, "/read/{key}", read), "seed"},
    {ROUTE_HEAD(POST, "/cache/clear", purge), "clear"},
    {ROUTE_HEAD(DELETE, "/cache/{name}", purge), "purge"},
    {ROUTE_HEAD(GET, "/rejections/{collection}", operate), "rejections"},
    {ROUTE_HEAD(DELETE, "/rejections/{position}", operate), "discard"},
};
static const struct router table = ROUTER(rows, "/v1/");

static const char *found(const char *method, const char *raw, struct buf *allow)
{
	struct path path;
	assert_true(path_parse(raw, &path));
	const struct row *row = router_find(&table, method, &path, allow);
	path_free(&path);
	return row ? row->name : NULL;
}

static void is(const char *method, const char *raw, const char *name)
{
	struct buf allow = {0};
	const char *have = found(method, raw, &allow);
	assert_string_equal(have ? have : "none", name);
	buf_free(&allow);
}

static void refuses(const char *method, const char *raw, const char *methods)
{
	struct buf allow = {0};
	assert_null(found(method, raw, &allow));
	assert_string_equal(allow.data ? allow.data : "", methods);
	buf_free(&allow);
}

static void rows_are_found(void **state)
{
	(void)state;
	is("GET", "/", "root");
	is("GET", "/v1", "all");
	is("GET", "/v1/records", "list");
	is("POST", "/v1/records", "create");
	is("GET", "/v1/records/a", "get");
	is("HEAD", "/v1/records/a", "get");
	is("PUT", "/v1/records/a%2Fb", "put");
	is("DELETE", "/v1/records/", "delete");
	is("GET", "/v1/records/_changes", "changes");
	is("GET", "/read/_x", "seed");
}

static void a_path_without_a_route(void **state)
{
	(void)state;
	refuses("GET", "/v2", "");
	refuses("GET", "/v1/records/a/b", "");
	refuses("GET", "/read", "");
	refuses("GET", "//v1", "");
	refuses("GET", "/1/2/3/4/5/6/7/8", "");
}

static void reserved_segments(void **state)
{
	(void)state;
	refuses("GET", "/v1/_writes", "");
	refuses("GET", "/v1/records/_x", "");
	is("GET", "/v1/records/%5Fx", "get");
}

static void a_method_that_the_path_has_not(void **state)
{
	(void)state;
	refuses("PATCH", "/v1/records/a", "GET, HEAD, PUT, DELETE");
	refuses("HEAD ", "/v1/records", "GET, HEAD, POST");
	refuses("get", "/v1", "GET, HEAD");
	refuses("POST", "/v1/records/_changes", "GET, HEAD");
}

static void a_literal_segment_decides(void **state)
{
	(void)state;
	is("POST", "/cache/clear", "clear");
	is("DELETE", "/cache/records", "purge");
	refuses("DELETE", "/cache/clear", "POST");
	refuses("PUT", "/cache/clear", "POST");
	refuses("POST", "/cache/records", "DELETE");
}

static void names_in_braces_may_differ(void **state)
{
	(void)state;
	is("GET", "/rejections/records", "rejections");
	is("DELETE", "/rejections/1-5", "discard");
	refuses("POST", "/rejections/1-5", "GET, HEAD, DELETE");
}

static void values_of_segments(void **state)
{
	(void)state;
	struct path path;
	assert_true(path_parse("/v1/records/a%20b", &path));
	struct buf allow = {0};
	const struct row *row = router_find(&table, "GET", &path, &allow);
	buf_free(&allow);
	assert_int_equal(row->head.verb, VERB_read);
	const struct path_segment *c =
	    router_value(&row->head, &path, "{collection}");
	const struct path_segment *key =
	    router_value(&row->head, &path, "{key}");
	assert_string_equal(c->text, "records");
	assert_string_equal(key->text, "a b");
	assert_null(router_value(&row->head, &path, "{id}"));
	path_free(&path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(rows_are_found),
	    cmocka_unit_test(a_path_without_a_route),
	    cmocka_unit_test(reserved_segments),
	    cmocka_unit_test(a_method_that_the_path_has_not),
	    cmocka_unit_test(a_literal_segment_decides),
	    cmocka_unit_test(names_in_braces_may_differ),
	    cmocka_unit_test(values_of_segments),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
