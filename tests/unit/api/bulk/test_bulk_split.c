/* The items of a bulk: every body is also cut at every byte, and given byte by
 * byte, with the same result. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/bulk/bulk_split.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 12 }; /* bytes of an item */

/* What came out, as text: `<at>:item|`, `<at>:long|`, and the end. */
static bool told(
    struct buf *out, const struct bulk_split *s, enum bulk_split_what what)
{
	switch (what) {
	case BULK_SPLIT_MORE:
		return true;
	case BULK_SPLIT_ITEM:
		buf_printf(out, "%zu:%s|", s->at, s->text.data);
		return true;
	case BULK_SPLIT_LONG:
		buf_printf(out, "%zu:LONG|", s->at);
		return true;
	case BULK_SPLIT_FAULT:
		buf_printf(out, "%zu!%s", s->at, s->fault);
		return false;
	case BULK_SPLIT_END:
		buf_printf(out, "%zu.", s->taken);
		return false;
	}
	return false;
}

static bool feed(
    struct bulk_split *s, const char *data, size_t len, struct buf *out)
{
	size_t used;
	while (len > 0) {
		enum bulk_split_what what =
		    bulk_split_feed(s, data, len, &used);
		assert_true(used <= len);
		assert_true(what == BULK_SPLIT_MORE ? used == len : true);
		if (!told(out, s, what))
			return false;
		data += used;
		len -= used;
	}
	return true;
}

/* Cut at `a` and at `b`; `step` bytes at a time from there on. */
static char *split(
    enum bulk_split_form form, const char *body, size_t a, size_t b)
{
	struct bulk_split s;
	struct buf out = {0};
	size_t len = strlen(body);
	bulk_split_start(&s, form, MOST);
	bool on = feed(&s, body, a, &out) && feed(&s, body + a, b - a, &out) &&
		  feed(&s, body + b, len - b, &out);
	while (on)
		on = told(&out, &s, bulk_split_finish(&s));
	bulk_split_free(&s);
	return buf_take(&out, NULL);
}

static char *by_bytes(enum bulk_split_form form, const char *body)
{
	struct bulk_split s;
	struct buf out = {0};
	bool on = true;
	bulk_split_start(&s, form, MOST);
	for (size_t i = 0; on && body[i]; i++)
		on = feed(&s, body + i, 1, &out);
	while (on)
		on = told(&out, &s, bulk_split_finish(&s));
	bulk_split_free(&s);
	return buf_take(&out, NULL);
}

static void check(enum bulk_split_form form, const char *body, const char *want)
{
	size_t len = strlen(body);
	for (size_t a = 0; a <= len; a++) {
		for (size_t b = a; b <= len; b++) {
			char *got = split(form, body, a, b);
			if (strcmp(got, want) != 0)
				fail_msg("%s at %zu, %zu: %s, not %s", body, a,
				    b, got, want);
			free(got);
		}
	}
	char *got = by_bytes(form, body);
	assert_string_equal(got, want);
	free(got);
}

static void arrays(void **state)
{
	(void)state;
	static const char *const table[][2] = {
	    {"[]", "2."},
	    {" \n[ \t] \r\n", "9."},
	    {"[1]", "1:1|3."},
	    {"[1,2]", "1:1|3:2|5."},
	    {" [ {\"a\":1} , [2,[3]] ]", "3:{\"a\":1} |13:[2,[3]] |22."},
	    {"[\"]\",\",\"]", "1:\"]\"|5:\",\"|9."},
	    {"[\"\\\"]\",{\"}\":\"{\"}]", "1:\"\\\"]\"|7:{\"}\":\"{\"}|17."},
	    {"[\"\\\\\",1]", "1:\"\\\\\"|6:1|8."},
	    /* What is no JSON is the reader's to say. */
	    {"[tru,1 2]", "1:tru|5:1 2|9."},
	    {"[{\"a\":1]}]", "1:{\"a\":1]}|10."},
	    {"[}]", "1:}|3."},
	    /* too long: passed over */
	    {"[\"0123456789\"]", "1:\"0123456789\"|14."},
	    {"[\"01234567890\",2]", "1:LONG|15:2|17."},
	    {"[[1,2,3,4,5,6,7,8],\"]\"]", "1:LONG|19:\"]\"|23."},
	    /* not an array */
	    {"", "0!ends too early"},
	    {"  ", "2!ends too early"},
	    {"{}", "0!an array is expected"},
	    {"[", "1!ends too early"},
	    {"[1", "2!ends too early"},
	    {"[1,", "1:1|3!ends too early"},
	    {"[1,]", "1:1|3!a value is expected"},
	    {"[,1]", "1!a value is expected"},
	    {"[1,,2]", "1:1|3!a value is expected"},
	    {"[1] 2", "1:1|4!unexpected text after the array"},
	    {"[]]", "2!unexpected text after the array"},
	    {"[\"", "2!ends too early"},
	    {"[\"\\", "3!ends too early"},
	    {"[{\"a\":[1,2]", "11!ends too early"},
	};
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
		check(BULK_SPLIT_ARRAY, table[i][0], table[i][1]);
}

static void lines(void **state)
{
	(void)state;
	static const char *const table[][2] = {
	    {"", "0."},
	    {"\n \r\n\t\n", "6."},
	    {"1", "0:1|1."},
	    {"1\n", "0:1|2."},
	    {"{\"a\":1}\n{\"b\":2}\n", "0:{\"a\":1}|8:{\"b\":2}|16."},
	    {"1\r\n2", "0:1\r|3:2|4."},
	    {"1\n\n\n 2 \n", "0:1|5:2 |8."},
	    {"[1,2]\n]\n", "0:[1,2]|6:]|8."},
	    {"0123456789ab\n2", "0:0123456789ab|13:2|14."},
	    {"0123456789abc\n2", "0:LONG|14:2|15."},
	    {"1\n0123456789abc", "0:1|2:LONG|15."},
	};
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
		check(BULK_SPLIT_LINES, table[i][0], table[i][1]);
}

/* However long an item is, no more of it is held. */
static void bounded(void **state)
{
	(void)state;
	struct bulk_split s;
	size_t used;
	char x[4096];
	memset(x, 'x', sizeof x);
	bulk_split_start(&s, BULK_SPLIT_ARRAY, 100);
	assert_int_equal(bulk_split_feed(&s, "[\"", 2, &used), BULK_SPLIT_MORE);
	for (int i = 0; i < 100000; i++) {
		assert_int_equal(
		    bulk_split_feed(&s, x, sizeof x, &used), BULK_SPLIT_MORE);
		assert_true(s.text.cap <= 8192);
	}
	assert_int_equal(bulk_split_feed(&s, "\",", 2, &used), BULK_SPLIT_LONG);
	bulk_split_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(arrays),
	    cmocka_unit_test(lines),
	    cmocka_unit_test(bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
