/* Beside a look at each byte: every byte at every place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/ascii_scan.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { LONGEST = 27 };

static bool is_ascii(unsigned char c)
{
	return c < 0x80;
}

static bool is_plain(unsigned char c)
{
	return c >= 0x20 && c != '"' && c != '\\';
}

static size_t by_byte(bool (*is)(unsigned char c), const char *s, size_t len)
{
	size_t i = 0;
	while (i < len && is((unsigned char)s[i]))
		i++;
	return i;
}

/* In memory of exactly that size: a byte too many is noticed. */
static void same(const char *bytes, size_t len)
{
	char *s = malloc(len ? len : 1);
	assert_non_null(s);
	if (len)
		memcpy(s, bytes, len);
	assert_int_equal(ascii_scan(s, len), by_byte(is_ascii, s, len));
	assert_int_equal(ascii_scan_plain(s, len), by_byte(is_plain, s, len));
	free(s);
}

static void every_byte(void **state)
{
	(void)state;
	static const char around[] = {'a', ' ', '~', '\x7f', '!', '#', '['};
	char bytes[LONGEST];
	for (size_t k = 0; k < sizeof around; k++) {
		for (int c = 0; c < 256; c++) {
			for (size_t at = 0; at < 17; at++) {
				memset(bytes, around[k], sizeof bytes);
				bytes[at] = (char)c;
				same(bytes, 17);
			}
		}
	}
}

static void every_length(void **state)
{
	(void)state;
	char bytes[LONGEST];
	memset(bytes, 'a', sizeof bytes);
	for (size_t len = 0; len <= sizeof bytes; len++)
		same(bytes, len);
}

/* What a mark borrows from the bytes above it must not be seen. */
static void several(void **state)
{
	(void)state;
	static const char some[] = {
	    '"', '\\', '\0', '\x1f', ' ', '!', '#', ']', '\x80', '\xff', 'a'};
	char bytes[LONGEST];
	srand(7);
	for (int i = 0; i < 20000; i++) {
		for (size_t at = 0; at < sizeof bytes; at++)
			bytes[at] = rand() % 4
					? 'a'
					: some[(size_t)rand() % sizeof some];
		same(bytes, (size_t)rand() % (LONGEST + 1));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_byte),
	    cmocka_unit_test(every_length),
	    cmocka_unit_test(several),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
