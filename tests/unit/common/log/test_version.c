/* Versions and positions: bits, hex, decimal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/log/version.h"

#include <string.h>

static void bits(void **state)
{
	(void)state;
	int64_t most = ((int64_t)1 << 48) - 1;
	assert_true(version_make(0, 1042) == 1042);
	assert_true(version_make(1, 0) == (version_t)1 << 48);
	assert_true(version_make(0x7fff, most) == VERSION_MAX);
	version_t v = version_make(3, 77);
	assert_int_equal(version_epoch(v), 3);
	assert_true(version_offset(v) == 77);
	assert_int_equal(version_epoch(VERSION_MAX), 0x7fff);
	assert_true(version_offset(VERSION_MAX) == most);
	/* A new epoch is above everything in the old one. */
	assert_true(version_make(1, 0) > version_make(0, most));
}

static void hex(void **state)
{
	(void)state;
	static const struct {
		version_t version;
		const char *text;
	} table[] = {
	    {0, "0000000000000000"},
	    {1042, "0000000000000412"},
	    {(version_t)1 << 48, "0001000000000000"},
	    {0x0123456789abcdef, "0123456789abcdef"},
	    {VERSION_MAX, "7fffffffffffffff"},
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		char out[VERSION_HEX_LEN + 1];
		version_t back = 1;
		version_to_hex(table[i].version, out);
		assert_string_equal(out, table[i].text);
		assert_true(version_from_hex(out, &back));
		assert_true(back == table[i].version);
		if (i > 0) /* strings compare as numbers do */
			assert_true(strcmp(table[i - 1].text, out) < 0);
	}
}

static void not_hex(void **state)
{
	(void)state;
	static const char *const table[] = {"000000000000041G",
	    "000000000000041F", " 000000000000412", "-000000000000001",
	    "0x00000000000412", "000000000000041\0", "8000000000000000",
	    "ffffffffffffffff"};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		version_t v = 7;
		assert_false(version_from_hex(table[i], &v));
		assert_true(v == 7);
	}
}

static void decimal(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool good;
		version_t version;
	} table[] = {
	    {"0", true, 0},
	    {"1042", true, 1042},
	    {"9223372036854775807", true, VERSION_MAX},
	    {"9223372036854775808", false, 0},
	    {"18446744073709551616", false, 0},
	    {"99999999999999999999999", false, 0},
	    {"", false, 0},
	    {"00", false, 0},
	    {"01042", false, 0},
	    {"+1", false, 0},
	    {"-1", false, 0},
	    {" 1", false, 0},
	    {"1 ", false, 0},
	    {"1a", false, 0},
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		const char *s = table[i].text;
		version_t v = 7;
		assert_int_equal(
		    version_parse(s, strlen(s), &v), table[i].good);
		assert_true(v == (table[i].good ? table[i].version : 7));
	}
	version_t v = 0;
	assert_true(version_parse("12345", 2, &v)); /* obeys the length */
	assert_true(v == 12);
	assert_false(version_parse("1\0002", 3, &v));
}

static void positions(void **state)
{
	(void)state;
	static const struct {
		struct position p;
		const char *text;
	} table[] = {
	    {{3, 1042}, "3-1042"},
	    {{0, 0}, "0-0"},
	    {{INT32_MAX, VERSION_MAX}, "2147483647-9223372036854775807"},
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		char out[POSITION_MAX_LEN];
		struct position back = {-1, 1};
		size_t len = position_format(table[i].p, out);
		assert_string_equal(out, table[i].text);
		assert_int_equal(len, strlen(out));
		assert_true(position_parse(out, len, &back));
		assert_int_equal(back.partition, table[i].p.partition);
		assert_true(back.version == table[i].p.version);
	}
}

static void not_positions(void **state)
{
	(void)state;
	static const char *const table[] = {"", "-", "3", "3-", "-3", "3--4",
	    "3-4-5", "3 -4", "3-4 ", "03-4", "3-04", "2147483648-0",
	    "0-9223372036854775808", "a-1", "1-a"};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct position p = {5, 7};
		assert_false(position_parse(table[i], strlen(table[i]), &p));
		assert_int_equal(p.partition, 5);
		assert_true(p.version == 7);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(bits),
	    cmocka_unit_test(hex),
	    cmocka_unit_test(not_hex),
	    cmocka_unit_test(decimal),
	    cmocka_unit_test(positions),
	    cmocka_unit_test(not_positions),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
