/* Which documents may be spliced, and which keys are text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "writer/write.h"

#include <jansson.h>
#include <string.h>

static bool is_object(const char *s)
{
	return write_is_object(s, strlen(s));
}

static void objects(void **state)
{
	(void)state;
	assert_true(is_object("{}"));
	assert_true(is_object(" {\"a\":[{},[1]]}\r\n\t "));
	assert_true(is_object("{\"a\":\"}{\\\"]\"}"));
	assert_true(is_object("{\"a\":\"\\\\\"}"));
	/* Not JSON, but bracketed: Postgres's to refuse. */
	assert_true(is_object("{oops}"));
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

/* Every string over a small alphabet: what passes, and is JSON at all once it
 * stands in an array with another element, is one element of it. */
static void no_short_string_breaks_out(void **state)
{
	(void)state;
	static const char alphabet[] = "{}[],\"\\a";
	enum { LETTERS = sizeof alphabet - 1, LONGEST = 7 };
	char body[LONGEST + 1], array[32];
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
			if (!write_is_object(body, len))
				continue;
			int n = snprintf(array, sizeof array, "[%s,{}]", body);
			json_t *doc = json_loadb(array, (size_t)n, 0, NULL);
			if (doc == NULL)
				continue;
			passed++;
			assert_int_equal(json_array_size(doc), 2);
			assert_true(json_is_object(json_array_get(doc, 0)));
			json_decref(doc);
		}
	}
	assert_true(passed > 0);
}

static void text(void **state)
{
	(void)state;
	assert_true(write_is_text("k\xc3\xa4", 3));
	assert_false(write_is_text("a\0b", 3));
	assert_false(write_is_text("\xc3", 1));
}

static void refusing_keeps_the_last_detail(void **state)
{
	(void)state;
	struct write w = {0};
	write_refuse(&w, REASON_DATA, "first");
	write_refuse(&w, REASON_CONSTRAINT, "second");
	assert_int_equal(w.refused, REASON_CONSTRAINT);
	assert_string_equal(w.detail, "second");
	write_refuse(&w, REASON_CONSTRAINT, "");
	assert_null(w.detail);
	write_clear(&w);
	assert_int_equal(w.refused, REASON_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(objects),
	    cmocka_unit_test(breakouts),
	    cmocka_unit_test(no_short_string_breaks_out),
	    cmocka_unit_test(text),
	    cmocka_unit_test(refusing_keeps_the_last_detail),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
