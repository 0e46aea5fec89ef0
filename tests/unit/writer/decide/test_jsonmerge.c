/* RFC 7396 on raw bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "writer/decide/jsonmerge.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* RFC 7396, appendix A, and what numbers and names must not lose. */
static void merges(void **state)
{
	(void)state;
	static const char *const table[][3] = {
	    {"{\"a\":\"b\"}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
	    {"{\"a\":\"b\"}", "{\"b\":\"c\"}", "{\"a\":\"b\",\"b\":\"c\"}"},
	    {"{\"a\":\"b\"}", "{\"a\":null}", "{}"},
	    {"{\"a\":\"b\",\"b\":\"c\"}", "{\"a\":null}", "{\"b\":\"c\"}"},
	    {"{\"a\":[\"b\"]}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
	    {"{\"a\":\"c\"}", "{\"a\":[\"b\"]}", "{\"a\":[\"b\"]}"},
	    {"{\"a\":{\"b\":\"c\"}}", "{\"a\":{\"b\":\"d\",\"c\":null}}",
		"{\"a\":{\"b\":\"d\"}}"},
	    {"{\"a\":[{\"b\":\"c\"}]}", "{\"a\":[1]}", "{\"a\":[1]}"},
	    {"[\"a\",\"b\"]", "[\"c\",\"d\"]", "[\"c\",\"d\"]"},
	    {"{\"a\":\"b\"}", "[\"c\"]", "[\"c\"]"},
	    {"{\"a\":\"foo\"}", "null", "null"},
	    {"{\"a\":\"foo\"}", "\"bar\"", "\"bar\""},
	    {"{\"e\":null}", "{\"a\":1}", "{\"e\":null,\"a\":1}"},
	    {"[1,2]", "{\"a\":\"b\",\"c\":null}", "{\"a\":\"b\"}"},
	    {"{}", "{\"a\":{\"bb\":{\"ccc\":null}}}", "{\"a\":{\"bb\":{}}}"},
	    {"{\"a\":1e400,\"b\":0.10}", "{\"c\":12345678901234567890}",
		"{\"a\":1e400,\"b\":0.10,\"c\":12345678901234567890}"},
	    {"{\"\\u0061\":1}", "{\"a\":2}", "{\"\\u0061\":2}"},
	    {"{\"a\":1}", "{\"\\u0061\":null}", "{}"},
	    {"{\"a\":1,\"a\":2}", "{\"b\":3,\"b\":4}", "{\"a\":2,\"b\":4}"},
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct jsonslice target, patch;
		struct buf out = {0};
		assert_true(
		    jsonslice_scan(table[i][0], strlen(table[i][0]), &target));
		assert_true(
		    jsonslice_scan(table[i][1], strlen(table[i][1]), &patch));
		jsonmerge(&out, target, patch);
		assert_string_equal(out.data, table[i][2]);
		buf_free(&out);
	}
}

static void add_members(struct buf *out, int from, int to, int value)
{
	buf_clear(out);
	buf_char(out, '{');
	for (int i = from; i < to; i++)
		buf_printf(out, "%s\"m%d\":%d", i > from ? "," : "", i, value);
	buf_char(out, '}');
}

/* As many members as a document of the largest size has: not each with each. */
static void merges_of_many(void **state)
{
	(void)state;
	enum { MANY = 100000, SECONDS = 20 };
	struct buf was = {0}, by = {0}, out = {0};
	struct jsonslice target, patch;
	clock_t begin = clock();
	add_members(&was, 0, MANY, 1);
	add_members(&by, MANY / 2, MANY + MANY / 2, 2);
	assert_true(jsonslice_scan(was.data, was.len, &target));
	assert_true(jsonslice_scan(by.data, by.len, &patch));
	jsonmerge(&out, target, patch);
	assert_true((clock() - begin) / CLOCKS_PER_SEC < SECONDS);
	struct jsonslice merged;
	assert_true(jsonslice_scan(out.data, out.len, &merged));
	struct jsonslice_member m = jsonslice_members(merged);
	for (int i = 0; i < MANY + MANY / 2; i++) {
		char name[24];
		int len = snprintf(name, sizeof name, "m%d", i);
		assert_true(jsonslice_next(&m));
		assert_true(jsonslice_equals(m.name, name, (size_t)len));
		assert_true(*m.value.s == (i < MANY / 2 ? '1' : '2'));
	}
	assert_false(jsonslice_next(&m));
	buf_free(&was);
	buf_free(&by);
	buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(merges),
	    cmocka_unit_test(merges_of_many),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
