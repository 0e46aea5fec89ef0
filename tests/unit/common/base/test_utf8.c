/* UTF-8, against a decoder that is written the long way round. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/utf8.h"

#include <stdlib.h>
#include <string.h>

static void table(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		size_t len;
		bool valid;
	} rows[] = {
	    {"", 0, true},
	    {"\0", 1, true},
	    {"plain", 5, true},
	    {"\xc3\xa9", 2, true},
	    {"\xe2\x82\xac", 3, true},
	    {"\xf0\x9f\x98\x80", 4, true},
	    {"\xc2\x80", 2, true},		/* U+0080 */
	    {"\xdf\xbf", 2, true},		/* U+07FF */
	    {"\xe0\xa0\x80", 3, true},		/* U+0800 */
	    {"\xed\x9f\xbf", 3, true},		/* U+D7FF */
	    {"\xee\x80\x80", 3, true},		/* U+E000 */
	    {"\xef\xbf\xbf", 3, true},		/* U+FFFF */
	    {"\xf0\x90\x80\x80", 4, true},	/* U+10000 */
	    {"\xf4\x8f\xbf\xbf", 4, true},	/* U+10FFFF */
	    {"\xf4\x90\x80\x80", 4, false},	/* above */
	    {"\xed\xa0\x80", 3, false},		/* a surrogate */
	    {"\xed\xbf\xbf", 3, false},		/* the last surrogate */
	    {"\xc0\x80", 2, false},		/* overlong NUL */
	    {"\xc1\xbf", 2, false},		/* overlong */
	    {"\xe0\x9f\xbf", 3, false},		/* overlong */
	    {"\xf0\x8f\xbf\xbf", 4, false},	/* overlong */
	    {"\x80", 1, false},			/* no leader */
	    {"\xc3", 1, false},			/* cut */
	    {"\xe2\x82", 2, false},		/* cut */
	    {"\xf0\x9f\x98", 3, false},		/* cut */
	    {"\xc3x", 2, false},		/* no continuation */
	    {"\xe2\x82x", 3, false},		/* no continuation */
	    {"\xf0\x9f\x98x", 4, false},	/* no continuation */
	    {"\xf5\x80\x80\x80", 4, false},	/* no such leader */
	    {"\xf8\x88\x80\x80\x80", 5, false}, /* five bytes */
	    {"ok\xff", 3, false},
	    {"\xc3\xa9\xc3", 3, false},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_int_equal(
		    utf8_valid(rows[i].text, rows[i].len), rows[i].valid);
}

/* Exactly its own bytes are read: they stand at the end of the heap block. */
static void reads_no_further(void **state)
{
	(void)state;
	static const char leaders[] = {'\xc3', '\xe2', '\xf0'};
	for (size_t i = 0; i < sizeof leaders; i++) {
		char *one = malloc(1);
		assert_non_null(one);
		*one = leaders[i];
		assert_false(utf8_valid(one, 1));
		free(one);
	}
}

static size_t encode(uint32_t c, unsigned char out[4])
{
	if (c < 0x80) {
		out[0] = (unsigned char)c;
		return 1;
	}
	size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	for (size_t i = n - 1; i > 0; i--) {
		out[i] = (unsigned char)(0x80 | (c & 0x3f));
		c >>= 6;
	}
	out[0] = (unsigned char)((0xf00u >> n & 0xff) | c);
	return n;
}

/* All code points: valid but for surrogates and what is too high. */
static void all_code_points(void **state)
{
	(void)state;
	for (uint32_t c = 0; c < 0x120000; c++) {
		unsigned char bytes[4];
		size_t n = encode(c, bytes);
		bool scalar = (c < 0xd800 || c > 0xdfff) && c <= 0x10ffff;
		if (utf8_valid((const char *)bytes, n) != scalar)
			fail_msg("U+%04X", c);
		if (n > 1 && utf8_valid((const char *)bytes, n - 1))
			fail_msg("U+%04X, cut", c);
	}
}

/* All sequences of two and three bytes: the valid ones are those that some
 * code points make. */
static void counted(void **state)
{
	(void)state;
	size_t two = 0, three = 0;
	for (uint32_t v = 0; v < 1 << 16; v++) {
		char s[] = {(char)(v >> 8), (char)v};
		two += utf8_valid(s, 2);
	}
	for (uint32_t v = 0; v < 1 << 24; v++) {
		char s[] = {(char)(v >> 16), (char)(v >> 8), (char)v};
		three += utf8_valid(s, 3);
	}
	enum { ONE = 0x80, TWO = 0x800 - 0x80, THREE = 0x10000 - 0x800 - 2048 };
	assert_int_equal(two, ONE * ONE + TWO);
	assert_int_equal(three, ONE * ONE * ONE + 2 * ONE * TWO + THREE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(table),
	    cmocka_unit_test(reads_no_further),
	    cmocka_unit_test(all_code_points),
	    cmocka_unit_test(counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
