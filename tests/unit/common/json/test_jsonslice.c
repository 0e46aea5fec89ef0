/* The scanner beside jansson; the members. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/json/jsonslice.h"

#include <jansson.h>
#include <string.h>

static bool scans_as_object(const char *s, size_t len)
{
	struct jsonslice v;
	return jsonslice_scan(s, len, &v) &&
	       jsonslice_kind(v) == JSONSLICE_OBJECT;
}

static bool is_object(const char *s)
{
	return scans_as_object(s, strlen(s));
}

static void objects(void **state)
{
	(void)state;
	assert_true(is_object("{}"));
	assert_true(is_object(" {\"a\":[{},[1]]}\r\n\t "));
	assert_true(is_object("{\"a\":\"}{\\\"]\"}"));
	assert_true(is_object("{\"a\":\"\\\\\"}"));
}

static void breakouts(void **state)
{
	(void)state;
	static const char *const bad[] = {"", " ", "1", "[]", "{", "}", "{}{}",
	    "{},{}", "{\"a\":1},{\"_key\":\"x\"}", "{}x", "x{}", "{\"a\":\"}",
	    "{\"a\":\"\\\"}", "{]", "{}}", "{{}", "}{", "{},\"\"}",
	    "{\"a\":1}]"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(is_object(bad[i]));
}

/* Every string over a small alphabet: what passes is JSON to jansson, too, and
 * the other way round. */
static void as_jansson_says(void **state)
{
	(void)state;
	static const char alphabet[] = "{}[],:\"\\1-";
	enum { LETTERS = sizeof alphabet - 1, LONGEST = 6 };
	char body[LONGEST + 1];
	size_t passed = 0;
	for (size_t len = 1; len <= LONGEST; len++) {
		size_t all = 1;
		for (size_t i = 0; i < len; i++)
			all *= LETTERS;
		for (size_t code = 0; code < all; code++) {
			size_t rest = code;
			for (size_t i = 0; i < len; i++) {
				body[i] = alphabet[rest % LETTERS];
				rest /= LETTERS;
			}
			body[len] = '\0';
			struct jsonslice v;
			bool ok = jsonslice_scan(body, len, &v);
			json_t *doc =
			    json_loadb(body, len, JSON_DECODE_ANY, NULL);
			assert_int_equal(ok, doc != NULL);
			json_decref(doc);
			passed += ok;
		}
	}
	assert_true(passed > 0);
}

static void words_and_numbers(void **state)
{
	(void)state;
	static const char *const good[] = {"true", " false ", "null", "0", "-0",
	    "10", "1.5", "1e5", "-1.5E+10", "0.0e-0", "\"\"",
	    "\"\\u00e4\\ud83d\\ude00\\n\"", "[]", "[1,[2,{}]]"};
	static const char *const bad[] = {"", " ", "tru", "truex", "True", "01",
	    "+1", ".5", "1.", "1e", "- 1", "0x1", "NaN", "\"\\u0000\"",
	    "\"\\ud83d\"", "\"\\ude00\"", "\"\\ud83d\\u0041\"", "\"\\x\"",
	    "\"\\u12\"", "\"a\nb\"", "\"\xc3\"", "\"\xed\xa0\x80\"", "[1,]",
	    "{\"a\":1,}", "{1:1}", "1 2"};
	struct jsonslice v;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		assert_true(jsonslice_scan(good[i], strlen(good[i]), &v));
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(jsonslice_scan(bad[i], strlen(bad[i]), &v));
	char deep[400];
	memset(deep, '[', sizeof deep);
	assert_false(jsonslice_scan(deep, sizeof deep, &v));
}

static void members(void **state)
{
	(void)state;
	static const char text[] =
	    " { \"a\" : 1 , \"\\u0062\\n\":[ {} ], \"\xc3\xa4\":\"}\"} ";
	struct jsonslice object;
	assert_true(jsonslice_scan(text, sizeof text - 1, &object));
	struct jsonslice_member m = jsonslice_members(object);
	assert_true(jsonslice_next(&m));
	assert_true(jsonslice_equals(m.name, "a", 1));
	assert_false(jsonslice_equals(m.name, "ab", 2));
	assert_memory_equal(m.value.s, "1", m.value.len);
	assert_true(jsonslice_next(&m));
	assert_true(jsonslice_equals(m.name, "b\n", 2));
	assert_false(jsonslice_equals(m.name, "b", 1));
	assert_int_equal(jsonslice_kind(m.value), JSONSLICE_ARRAY);
	assert_int_equal(m.value.len, 6);
	assert_true(jsonslice_next(&m));
	assert_true(jsonslice_equals(m.name, "\xc3\xa4", 2));
	assert_int_equal(jsonslice_kind(m.value), JSONSLICE_STRING);
	assert_false(jsonslice_next(&m));
}

static void characters(void **state)
{
	(void)state;
	static const char *const table[][2] = {
	    {"\"\"", ""},
	    {"\"plain\"", "plain"},
	    {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t"},
	    {"\"a\\u0041\\u00e9\\u20ac\\ud83d\\ude00z\"",
		"aA\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z"},
	    {"\"\\\\u0041\"", "\\u0041"},
	    {"\"\xc3\xa9\\n\"", "\xc3\xa9\n"},
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct jsonslice v;
		struct buf out = {0};
		assert_true(
		    jsonslice_scan(table[i][0], strlen(table[i][0]), &v));
		buf_char(&out, '>'); /* it appends */
		jsonslice_text(&out, v);
		assert_string_equal(out.data + 1, table[i][1]);
		buf_free(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(objects),
	    cmocka_unit_test(breakouts),
	    cmocka_unit_test(as_jansson_says),
	    cmocka_unit_test(words_and_numbers),
	    cmocka_unit_test(members),
	    cmocka_unit_test(characters),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
