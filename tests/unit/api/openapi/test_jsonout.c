/* JSON that is written: commas, names, and numbers as they were. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/openapi/jsonout.h"

static void all_of_it(void **state)
{
	(void)state;
	struct buf text = {0};
	struct jsonout j = {.out = &text};
	jsonout_open(&j, NULL, '{');
	jsonout_open(&j, "empty", '{');
	jsonout_close(&j, '}');
	jsonout_open(&j, "list", '[');
	jsonout_string(&j, NULL, "a\"b\n");
	jsonout_int(&j, NULL, INT64_MIN);
	jsonout_open(&j, NULL, '[');
	jsonout_close(&j, ']');
	jsonout_bool(&j, NULL, true);
	jsonout_close(&j, ']');
	jsonout_raw(&j, "raw", (struct jsonslice){"1.50", 4});
	jsonout_ref(&j, "see", "schemas", "posts", ".new");
	jsonout_bool(&j, "a\"b", false);
	jsonout_close(&j, '}');
	assert_string_equal(text.data,
	    "{\"empty\":{},\"list\":[\"a\\\"b\\n\",-9223372036854775808,[],"
	    "true],\"raw\":1.50,"
	    "\"see\":{\"$ref\":\"#/components/schemas/posts.new\"},"
	    "\"a\\\"b\":false}");
	buf_free(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(all_of_it)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
