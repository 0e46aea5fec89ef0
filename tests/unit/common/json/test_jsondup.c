/* Members that stand twice in one object, however they are written. What it
 * costs is in tests/unit/common/test_jsonwork.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/buf.h"
#include "common/json/jsondup.h"

#include <string.h>

static void twice_is(const char *text, const char *want)
{
	struct jsonslice v, found;
	assert_true(jsonslice_scan(text, strlen(text), &v));
	found = jsondup_find(v);
	if (want == NULL && found.s)
		fail_msg("%s has %.*s twice", text, (int)found.len, found.s);
	if (want == NULL)
		return;
	if (found.s == NULL)
		fail_msg("%s has nothing twice", text);
	assert_int_equal(found.len, strlen(want));
	assert_memory_equal(found.s, want, found.len);
}

static void once(void **state)
{
	(void)state;
	static const char *const texts[] = {"1", "\"a\"", "[]", "{}",
	    "{\"a\":1}", "{\"a\":1,\"b\":1}", "{\"a\":\"a\",\"b\":\"a\"}",
	    "{\"a\":1,\"A\":1}", "{\"\":1,\" \":1}", "{\"a\":1,\"a \":1}",
	    /* in different objects */
	    "{\"a\":{\"a\":{\"a\":1}}}", "[{\"a\":1},{\"a\":1}]",
	    "{\"a\":{\"b\":1},\"b\":{\"a\":1}}", "{\"a\":[{\"a\":1}],\"b\":1}",
	    /* no names */
	    "[\"a\",\"a\"]"};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		twice_is(texts[i], NULL);
}

static void twice(void **state)
{
	(void)state;
	twice_is("{\"a\":1,\"a\":1}", "\"a\"");
	twice_is("{\"\":1,\"\":2}", "\"\"");
	twice_is("{\"b\":0,\"a\":{\"x\":1},\"c\":[],\"a\":null}", "\"a\"");
	/* Anywhere in the value. */
	twice_is("[1,{\"k\":[{\"a\":1,\"b\":2,\"b\":3}]}]", "\"b\"");
	/* Names of an inner object are not lost with it, nor its outer's. */
	twice_is("{\"a\":1,\"b\":{\"c\":1},\"a\":2}", "\"a\"");
	/* However they are written: the second one's name. */
	twice_is("{\"a\":1,\"\\u0061\":2}", "\"\\u0061\"");
	twice_is("{\"\\u0061\":1,\"a\":2}", "\"a\"");
	twice_is("{\"/\":1,\"\\/\":2}", "\"\\/\"");
	twice_is("{\"\\ud83d\\ude00\":1,\"\xf0\x9f\x98\x80\":2}",
	    "\"\xf0\x9f\x98\x80\"");
}

/* An object with so many names, of which the first comes again. */
static void add_object(struct buf *out, int names, bool again)
{
	buf_char(out, '{');
	for (int i = 0; i < names; i++)
		buf_printf(out, "%s\"n%d\":%d", i ? "," : "", i, i);
	if (again)
		buf_str(out, ",\"\\u006e0\":1");
	buf_char(out, '}');
}

/* A few are compared each with each, more are sorted: on both sides of that. */
static void of_any_number_of_names(void **state)
{
	(void)state;
	for (int names = 1; names < 40; names++) {
		struct buf none = {0}, first = {0}, nested = {0};
		add_object(&none, names, false);
		twice_is(none.data, NULL);
		add_object(&first, names, true);
		twice_is(first.data, "\"\\u006e0\"");
		buf_printf(
		    &nested, "{\"n0\":%s,\"n1\":[%s]}", none.data, none.data);
		twice_is(nested.data, NULL);
		buf_free(&none);
		buf_free(&first);
		buf_free(&nested);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(once),
	    cmocka_unit_test(twice),
	    cmocka_unit_test(of_any_number_of_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
