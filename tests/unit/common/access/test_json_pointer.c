/* JSON Pointer: the examples of RFC 6901, 5, syntax apart from look-up, and
 * the paths of settings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/access/json_pointer.h"

static json_t *document(void)
{
	json_t *v = json_loads(
	    "{\"foo\":[\"bar\",\"baz\"],\"\":0,\"a/b\":1,\"c%d\":2,\"e^f\":3,"
	    "\"g|h\":4,\"i\\\\j\":5,\"k\\\"l\":6,\" \":7,\"m~n\":8,"
	    "\"~1\":9,\"o\":{\"p\":{\"q\":10}},\"https://x/y\":11}",
	    0, NULL);
	assert_non_null(v);
	return v;
}

static const struct {
	const char *pointer;
	int value;
} found[] = {
    {"/", 0},
    {"/a~1b", 1},
    {"/c%d", 2},
    {"/e^f", 3},
    {"/g|h", 4},
    {"/i\\j", 5},
    {"/k\"l", 6},
    {"/ ", 7},
    {"/m~0n", 8},
    {"/~01", 9},
    {"/o/p/q", 10},
};

static void finds_values(void **state)
{
	(void)state;
	json_t *v = document();
	for (size_t i = 0; i < sizeof found / sizeof *found; i++) {
		assert_true(json_pointer_valid(found[i].pointer));
		json_t *at = json_pointer_find(v, found[i].pointer);
		assert_true(json_is_integer(at));
		assert_int_equal(json_integer_value(at), found[i].value);
	}
	assert_ptr_equal(json_pointer_find(v, ""), v);
	assert_int_equal(json_array_size(json_pointer_find(v, "/foo")), 2);
	assert_string_equal(
	    json_string_value(json_pointer_find(v, "/foo/1")), "baz");
	json_decref(v);
}

static void finds_nothing_else(void **state)
{
	(void)state;
	static const char *const absent[] = {"/nobody", "/foo/2", "/foo/-",
	    "/foo/01", "/foo/+1", "/foo/ 1", "/foo/1e0", "/foo/",
	    "/foo/99999999999999999999", "/foo/0/x", "/foo/bar", "/o/p/q/r",
	    "//", "/o//p"};
	json_t *v = document();
	for (size_t i = 0; i < sizeof absent / sizeof *absent; i++) {
		assert_true(json_pointer_valid(absent[i]));
		assert_null(json_pointer_find(v, absent[i]));
	}
	assert_null(json_pointer_find(NULL, "/a"));
	json_decref(v);
}

static void knows_its_syntax(void **state)
{
	(void)state;
	static const char *const wrong[] = {
	    "a", "a/b", "#/a", "/~", "/~2", "/a~", "/~~0", "/\xff", " /a"};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_false(json_pointer_valid(wrong[i]));
	assert_true(json_pointer_valid(""));
	assert_true(json_pointer_valid("/~0~1"));
}

static void takes_names_as_paths(void **state)
{
	(void)state;
	json_t *v = document();
	assert_true(json_pointer_path_valid("https://x/y"));
	assert_true(json_pointer_path_valid("m~n"));
	assert_true(json_pointer_path_valid("/o/p"));
	assert_false(json_pointer_path_valid(""));
	assert_false(json_pointer_path_valid("/~"));
	assert_false(json_pointer_path_valid("\xc3"));
	assert_int_equal(
	    json_integer_value(json_pointer_path_find(v, "https://x/y")), 11);
	assert_int_equal(
	    json_integer_value(json_pointer_path_find(v, "m~n")), 8);
	assert_int_equal(
	    json_integer_value(json_pointer_path_find(v, "/o/p/q")), 10);
	assert_null(json_pointer_path_find(v, "nobody"));
	json_decref(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(finds_values),
	    cmocka_unit_test(finds_nothing_else),
	    cmocka_unit_test(knows_its_syntax),
	    cmocka_unit_test(takes_names_as_paths),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
