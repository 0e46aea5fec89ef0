/* The byte string: its length, its NUL, its JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/buf.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static void empty(void **state)
{
	(void)state;
	struct buf b = {0};
	size_t len = 7;
	buf_clear(&b); /* harmless on nothing */
	buf_free(&b);
	char *taken = buf_take(&b, &len);
	assert_string_equal(taken, "");
	assert_int_equal(len, 0);
	free(taken);
	buf_add(&b, NULL, 0);
	assert_int_equal(b.len, 0);
	assert_string_equal(b.data, "");
	buf_free(&b);
	assert_null(b.data);
	assert_int_equal(b.cap, 0);
}

/* Every length around the growth of the buffer, byte by byte and at once:
 * the sanitizer sees a missing byte for the NUL. */
static void grows(void **state)
{
	(void)state;
	enum { LONGEST = 300 };
	char text[LONGEST];
	for (size_t i = 0; i < LONGEST; i++)
		text[i] = (char)(i % 251); /* NUL bytes, too */
	struct buf slow = {0};
	for (size_t n = 0; n < LONGEST; n++) {
		struct buf fast = {0};
		buf_add(&fast, text, n);
		assert_int_equal(slow.len, n);
		assert_int_equal(fast.len, n);
		assert_memory_equal(fast.data, text, n);
		assert_int_equal(fast.data[n], '\0');
		assert_true(fast.cap > n);
		buf_char(&slow, text[n]);
		assert_memory_equal(slow.data, text, n + 1);
		assert_int_equal(slow.data[n + 1], '\0');
		buf_free(&fast);
	}
	buf_free(&slow);
}

static void drops(void **state)
{
	(void)state;
	struct buf b = {0};
	buf_drop(&b, 0); /* harmless on nothing */
	assert_null(b.data);
	buf_str(&b, "front and rest");
	buf_drop(&b, 0);
	buf_drop(&b, 10);
	assert_string_equal(b.data, "rest");
	assert_int_equal(b.len, 4);
	buf_drop(&b, 4);
	assert_string_equal(b.data, "");
	buf_str(&b, "again");
	assert_string_equal(b.data, "again");
	buf_free(&b);
}

static void appends(void **state)
{
	(void)state;
	struct buf b = {0};
	buf_str(&b, "a=");
	buf_printf(&b, "%d,%s", 42, "x");
	buf_printf(&b, "%s", "");
	buf_char(&b, ';');
	assert_string_equal(b.data, "a=42,x;");
	assert_int_equal(b.len, 7);
	/* Longer than the first allocation, in one call. */
	buf_printf(&b, "%0200d", 1);
	assert_int_equal(b.len, 207);
	assert_int_equal(strlen(b.data), 207);
	assert_int_equal(b.data[206], '1');
	buf_clear(&b);
	assert_int_equal(b.len, 0);
	assert_string_equal(b.data, "");
	buf_str(&b, "again");
	size_t len;
	char *taken = buf_take(&b, &len);
	assert_string_equal(taken, "again");
	assert_int_equal(len, 5);
	assert_null(b.data);
	buf_str(&b, "new"); /* of its own memory */
	assert_string_equal(taken, "again");
	free(taken);
	buf_free(&b);
}

static void json_text(void **state)
{
	(void)state;
	static const struct {
		const char *in;
		size_t len;
		const char *out;
	} table[] = {
	    {"", 0, "\"\""},
	    {"plain", 5, "\"plain\""},
	    {"plain", 2, "\"pl\""}, /* obeys the length */
	    {"a\"b\\c", 5, "\"a\\\"b\\\\c\""},
	    {"\n\r\t", 3, "\"\\n\\r\\t\""},
	    {"\0", 1, "\"\\u0000\""},
	    {"\x01\x1f", 2, "\"\\u0001\\u001f\""},
	    {"\x7f/", 2, "\"\x7f/\""},
	    {"h\xc3\xa9 \xf0\x9f\x98\x80", 8, "\"h\xc3\xa9 \xf0\x9f\x98\x80\""},
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct buf b = {0};
		buf_json(&b, table[i].in, table[i].len);
		assert_string_equal(b.data, table[i].out);
		assert_int_equal(b.len, strlen(table[i].out));
		buf_free(&b);
	}
}

/* Every byte below 0x80, alone, between others and twice: a JSON parser reads
 * back what was written. */
static void json_read_back(void **state)
{
	(void)state;
	for (int c = 0; c < 0x80; c++) {
		char text[] = {'x', (char)c, 'y', (char)c, (char)c};
		struct buf b = {0};
		buf_json(&b, text, sizeof text);
		json_t *read = json_loadb(
		    b.data, b.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
		assert_non_null(read);
		assert_int_equal(json_string_length(read), sizeof text);
		assert_memory_equal(json_string_value(read), text, sizeof text);
		json_decref(read);
		buf_free(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(empty),
	    cmocka_unit_test(grows),
	    cmocka_unit_test(drops),
	    cmocka_unit_test(appends),
	    cmocka_unit_test(json_text),
	    cmocka_unit_test(json_read_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
