/* Paths: split first, decoded then (RFC 3986, 2.4). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/http/path.h"

#include <stdlib.h>
#include <string.h>

struct part {
	const char *text;
	size_t len;
};

#define PART(s)                                                                \
	{                                                                      \
		s, sizeof(s) - 1                                               \
	}

static void good(void **state)
{
	(void)state;
	static const struct {
		const char *raw;
		size_t n;
		struct part parts[PATH_SEGMENTS];
	} table[] = {
	    {"/", 1, {PART("")}},
	    {"/health", 1, {PART("health")}},
	    {"/v1/records/k", 3, {PART("v1"), PART("records"), PART("k")}},
	    {"/v1/records/k/", 4,
		{PART("v1"), PART("records"), PART("k"), PART("")}},
	    {"//a", 2, {PART(""), PART("a")}},
	    {"/a//b", 3, {PART("a"), PART(""), PART("b")}},
	    {"/a%2Fb", 1, {PART("a/b")}},
	    {"/a%2fb/c", 2, {PART("a/b"), PART("c")}},
	    {"/%2F", 1, {PART("/")}},
	    {"/%00", 1, {PART("\0")}},
	    {"/a%00b/c", 2, {PART("a\0b"), PART("c")}},
	    {"/%41%5a%61%7A", 1, {PART("AZaz")}},
	    {"/%25", 1, {PART("%")}},
	    {"/%2541", 1, {PART("%41")}}, /* once, not twice */
	    {"/%c3%A9", 1, {PART("\xc3\xa9")}},
	    {"/%ff", 1, {PART("\xff")}}, /* UTF-8 is not its affair */
	    {"/a+b", 1, {PART("a+b")}},	 /* a plus is a plus */
	    {"/a%20b", 1, {PART("a b")}},
	    {"/.", 1, {PART(".")}},
	    {"/../x", 2, {PART(".."), PART("x")}},
	    {"/%2e%2e", 1, {PART("..")}},
	    {"/a?b#c;d=e", 1, {PART("a?b#c;d=e")}},
	    {"/1/2/3/4/5/6", 6,
		{PART("1"), PART("2"), PART("3"), PART("4"), PART("5"),
		    PART("6")}},
	    {"", 0, {{NULL, 0}}},
	    {"*", 0, {{NULL, 0}}},
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct path p;
		char *raw = strdup(table[i].raw);
		assert_true(path_parse(raw, &p));
		free(raw); /* it keeps nothing of it */
		assert_int_equal(p.n, table[i].n);
		for (size_t k = 0; k < p.n; k++) {
			const struct part *want = &table[i].parts[k];
			assert_int_equal(p.segments[k].len, want->len);
			assert_memory_equal(
			    p.segments[k].text, want->text, want->len + 1);
		}
		path_free(&p);
		assert_null(p.bytes);
	}
}

static void malformed(void **state)
{
	(void)state;
	static const char *const table[] = {"/%", "/%4", "/a%", "/a%4", "/%4/1",
	    "/%/41", "/%g1", "/%1g", "/%G1", "/%%41", "/% 41", "/%-1", "/%+1",
	    "/%0x", "/a/b%zz/c", "/%4\xc3", "/%:0", "/%@1", "/%`1"};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct path p;
		char *raw = strdup(table[i]);
		if (path_parse(raw, &p))
			fail_msg("accepted: %s", raw);
		path_free(&p);
		free(raw);
	}
}

/* All bytes, in both spellings of the digits. */
static void every_byte(void **state)
{
	(void)state;
	for (unsigned c = 0; c < 256; c++) {
		for (size_t i = 0; i < 2; i++) {
			const char *digits =
			    i ? "0123456789ABCDEF" : "0123456789abcdef";
			char raw[] = {'/', 'a', '%', digits[c >> 4],
			    digits[c & 15], 'z', '\0'};
			struct path p;
			assert_true(path_parse(raw, &p));
			assert_int_equal(p.n, 1);
			assert_int_equal(p.segments[0].len, 3);
			assert_int_equal(
			    (unsigned char)p.segments[0].text[1], c);
			assert_int_equal(p.segments[0].text[2], 'z');
			path_free(&p);
		}
	}
}

static void too_many(void **state)
{
	(void)state;
	static const char *const table[] = {"/1/2/3/4/5/6/", "/1/2/3/4/5/6/7",
	    "/1/2/3/4/5/6/7/8", "///////", "/1/2/3/4/5/6/%"};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct path p;
		assert_true(path_parse(table[i], &p));
		assert_int_equal(p.n, PATH_SEGMENTS + 1);
		path_free(&p);
	}
}

/* `_` as it was sent: `%5F` is how a key begins with it. */
static void reserved(void **state)
{
	(void)state;
	struct path p;
	assert_true(path_parse("/v1/_mark/a_/%5Fx/_", &p));
	static const bool want[] = {false, true, false, false, true};
	assert_int_equal(p.n, 5);
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(p.segments[i].reserved, want[i]);
	assert_string_equal(p.segments[3].text, "_x");
	path_free(&p);
	assert_true(path_parse("/", &p));
	assert_false(p.segments[0].reserved);
	path_free(&p);
}

static void decoding(void **state)
{
	(void)state;
	char out[16];
	assert_int_equal(path_decode("", 0, out), 0);
	assert_string_equal(out, "");
	assert_int_equal(path_decode("a%20%2fb/c", 10, out), 6);
	assert_string_equal(out, "a /b/c");
	assert_int_equal(path_decode("%00a", 4, out), 2);
	assert_memory_equal(out, "\0a", 3);
	assert_int_equal(path_decode("%4", 2, out), -1);
	assert_int_equal(path_decode("a%", 2, out), -1);
	assert_int_equal(path_decode("%4g", 3, out), -1);
	assert_int_equal(path_decode("%41", 2, out), -1); /* cut off */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(decoding),
	    cmocka_unit_test(good),
	    cmocka_unit_test(malformed),
	    cmocka_unit_test(every_byte),
	    cmocka_unit_test(too_many),
	    cmocka_unit_test(reserved),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
