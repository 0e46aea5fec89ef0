/* The characters of a JSON string: escapes, equality, order, length. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/buf.h"
#include "common/json/jsonslice.h"
#include "common/json/jsonstring.h"

#include <string.h>

#define FACE "\xf0\x9f\x98\x80" /* U+1F600 */

static struct jsonslice json(const char *text)
{
	struct jsonslice v;
	assert_true(jsonslice_scan(text, strlen(text), &v));
	return v;
}

static void escapes_are_resolved(void **state)
{
	(void)state;
	static const struct {
		const char *text, *plain;
		size_t points;
	} table[] = {
	    {"\"\"", "", 0},
	    {"\"abc\"", "abc", 3},
	    {"\"\\\"\\\\\\/\"", "\"\\/", 3},
	    {"\"\\b\\f\\n\\r\\t\"", "\b\f\n\r\t", 5},
	    {"\"\\u0041\\u007f\"", "A\x7f", 2},
	    {"\"\\u0080\\u07ff\"", "\xc2\x80\xdf\xbf", 2},
	    {"\"\\u0800\\uffff\"", "\xe0\xa0\x80\xef\xbf\xbf", 2},
	    {"\"\\uD800\\uDC00\\uDBFF\\uDFFF\"",
		"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", 2},
	    {"\"\\ud83d\\ude00" FACE "\"", FACE FACE, 2},
	    {"\"\xc3\xa4\xe2\x82\xac\"", "\xc3\xa4\xe2\x82\xac", 2},
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct jsonslice v = json(table[i].text);
		struct jsonstring t = jsonstring_of(v);
		struct buf out = {0};
		char bytes[4];
		size_t n, points = 0;
		for (; (n = jsonstring_next(&t, bytes)) > 0; points++)
			buf_add(&out, bytes, n);
		assert_int_equal(out.len, strlen(table[i].plain));
		if (out.len)
			assert_memory_equal(out.data, table[i].plain, out.len);
		assert_int_equal(points, table[i].points);
		assert_int_equal(jsonstring_length(v), table[i].points);
		buf_free(&out);
	}
}

/* Ascending by their characters. Those of one row are the same. */
static const char *const order[][3] = {
    {"\"\"", "\"\"", "\"\""},
    {"\"\\n\"", "\"\\u000a\"", "\"\\u000A\""},
    {"\"A\"", "\"\\u0041\"", "\"\\u0041\""},
    {"\"AA\"", "\"A\\u0041\"", "\"\\u0041A\""},
    {"\"AB\"", "\"A\\u0042\"", "\"\\u0041B\""},
    {"\"B\"", "\"\\u0042\"", "\"B\""},
    {"\"\\u00e4\"", "\"\xc3\xa4\"", "\"\\u00E4\""},
    {"\"\\uffff\"", "\"\xef\xbf\xbf\"", "\"\\uFFFF\""},
    {"\"\\ud83d\\ude00\"", "\"" FACE "\"", "\"\\uD83D\\uDE00\""},
};
enum { ROWS = sizeof order / sizeof *order };

static int sign(int n)
{
	return (n > 0) - (n < 0);
}

static void by_their_characters(void **state)
{
	(void)state;
	for (int i = 0; i < ROWS * 3; i++) {
		for (int k = 0; k < ROWS * 3; k++) {
			struct jsonslice a = json(order[i / 3][i % 3]);
			struct jsonslice b = json(order[k / 3][k % 3]);
			int want = sign(i / 3 - k / 3);
			assert_int_equal(sign(jsonstring_compare(a, b)), want);
			assert_int_equal(jsonstring_same(a, b), want == 0);
			assert_int_equal(
			    jsonstring_hash(a) == jsonstring_hash(b),
			    want == 0);
		}
	}
}

/* Behind `\u`; what is left over. */
static void points(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int32_t want;
		size_t left;
	} table[] = {
	    {"0041x", 0x41, 1},
	    {"fFfF", 0xffff, 0},
	    {"d83d\\ude00.", 0x1f600, 1},
	    {"0000", -1, 0},
	    {"004", -1, 3},
	    {"", -1, 0},
	    {"d83d", -1, 0},
	    {"d83d\\n", -1, 2},
	    {"d83dxude00", -1, 6},
	    {"de00", -1, 0},
	    {"ffff\\ude00", 0xffff, 6},
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		const char *p = table[i].text, *end = p + strlen(p);
		assert_int_equal(jsonstring_point(&p, end), table[i].want);
		assert_int_equal(end - p, table[i].left);
	}
	static const char *const bad[] = {
	    "00g1", "d83d\\u0041", "d83d\\ude0", "dc00\\udc00", "d83d\\ud83d"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		const char *p = bad[i];
		assert_int_equal(jsonstring_point(&p, p + strlen(p)), -1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(escapes_are_resolved),
	    cmocka_unit_test(by_their_characters),
	    cmocka_unit_test(points),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
