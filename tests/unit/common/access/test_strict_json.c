/* Strict JSON: objects only, no duplicate member at any depth, the place of a
 * fault, and never the text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/access/strict_json.h"

#include <string.h>

static const struct {
	const char *text, *what;
	int line, column;
	bool duplicate;
} wrong[] = {
    {"", "ends too early", 1, 1, false},
    {"{\"a\":1", "ends too early", 1, 6, false},
    {"[]", "must be an object", 1, 1, false},
    {"7", "not valid JSON", 1, 1, false},
    {"{\"a\":1}x", "more text behind the value", 1, 8, false},
    {"{\n \"a\":1,\n \"a\":2}", "a duplicate member of its object", 3, 4, true},
    {"{\"a\":1,\"\\u0061\":2}", "a duplicate member of its object", 1, 15,
	true},
    {"{\"x\":[{\"s3cret\":1,\"s3cret\":1}]}",
	"a duplicate member of its object", 1, 26, true},
    {"{\"a\":\"\\u0000\"}", "not valid JSON", 1, 13, false},
    {"{\"a\":\"\xff\"}", "not valid UTF-8", 1, 6, false},
    {"{\"a\":99999999999999999999}", "a number that is too large", 1, 25,
	false},
    {"{\"a\":tru}", "not valid JSON", 1, 8, false},
};

static void says_what_and_where(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct strict_json_fault f = {0};
		assert_null(strict_json_parse(
		    wrong[i].text, strlen(wrong[i].text), &f));
		assert_string_equal(f.what, wrong[i].what);
		assert_int_equal(f.line, wrong[i].line);
		assert_int_equal(f.column, wrong[i].column);
		assert_int_equal(f.duplicate, wrong[i].duplicate);
	}
}

static void is_bounded_in_depth(void **state)
{
	(void)state;
	struct strict_json_fault f;
	char deep[8192];
	memset(deep, '[', sizeof deep);
	memcpy(deep, "{\"a\":", 5);
	assert_null(strict_json_parse(deep, sizeof deep, &f));
	assert_string_equal(f.what, "not valid JSON");
}

static void reads_objects(void **state)
{
	(void)state;
	struct strict_json_fault f;
	json_t *v = strict_json_parse("{\"a\":{\"a\":1}} ", 14, &f);
	assert_true(json_is_object(v));
	json_decref(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(says_what_and_where),
	    cmocka_unit_test(is_bounded_in_depth),
	    cmocka_unit_test(reads_objects),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
