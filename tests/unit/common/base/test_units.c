/* Quantities: every unit, the exact form back, nothing out of range. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/units.h"

#include <inttypes.h>

static void durations(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t us;
	} good[] = {
	    {"0", 0},
	    {"7", 7000000},
	    {"1us", 1},
	    {"250ms", 250000},
	    {"5s", 5000000},
	    {"2m", 120000000},
	    {"1h", INT64_C(3600000000)},
	    {"7d", INT64_C(604800000000)},
	    {"7D", INT64_C(604800000000)},
	    {"3MS", 3000},
	    {"007s", 7000000},
	    {"9223372036854775807us", INT64_MAX},
	    {"9223372036854s", INT64_C(9223372036854000000)},
	};
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		int64_t us = -1;
		assert_true(units_parse_duration(good[i].text, &us));
		assert_true(us == good[i].us);
	}
}

static void sizes(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t bytes;
	} good[] = {
	    {"0", 0},
	    {"4096", 4096},
	    {"12B", 12},
	    {"64k", 65536},
	    {"64K", 65536},
	    {"64kb", 65536},
	    {"64KiB", 65536},
	    {"16MiB", 16 << 20},
	    {"16mb", 16 << 20},
	    {"16M", 16 << 20},
	    {"1g", 1 << 30},
	    {"1GB", 1 << 30},
	    {"1gib", 1 << 30},
	    {"8589934591g", INT64_C(8589934591) << 30},
	};
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		int64_t bytes = -1;
		assert_true(units_parse_bytes(good[i].text, &bytes));
		assert_true(bytes == good[i].bytes);
	}
}

static void neither(void **state)
{
	(void)state;
	static const char *const bad[] = {"", "s", "-1", "-1s", "+1s", " 1",
	    "1 ", "1 s", "1.5s", "1s5", "0x10", "1w", "1ss", "1e3", "MiB",
	    "1TiB", "9223372036854775808", "99999999999999999999",
	    "9223372036854775807g", "106751992d"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		int64_t v = 0;
		assert_false(units_parse_duration(bad[i], &v));
		assert_false(units_parse_bytes(bad[i], &v));
	}
	int64_t v;
	assert_false(units_parse_duration("1k", &v));
	assert_false(units_parse_bytes("1ms", &v));
	/* One below and one above what fits. */
	assert_true(units_parse_duration("106751991d", &v));
	assert_false(units_parse_duration("9223372036855s", &v));
	assert_false(units_parse_bytes("8589934592g", &v));
}

static void shortest_form(void **state)
{
	(void)state;
	static const struct {
		int64_t v;
		const char *duration, *bytes;
	} table[] = {
	    {1, "1us", "1"},
	    {1500, "1500us", "1500"},
	    {2000, "2ms", "2000"},
	    {1024, "1024us", "1KiB"},
	    {90000000, "90s", "90000000"},
	    {60000000, "1m", "60000000"},
	    {INT64_C(86400000000), "1d", "84375000KiB"},
	    {INT64_C(90000000000), "25h", "87890625KiB"},
	    {1 << 20, "1048576us", "1MiB"},
	    {INT64_C(3) << 30, "3221225472us", "3GiB"},
	    {INT64_MAX, "9223372036854775807us", "9223372036854775807"},
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		char out[32];
		units_format_duration(table[i].v, out);
		assert_string_equal(out, table[i].duration);
		units_format_bytes(table[i].v, out);
		assert_string_equal(out, table[i].bytes);
	}
}

static void same(int64_t v)
{
	char out[32];
	int64_t back = -1;
	units_format_duration(v, out);
	assert_true(units_parse_duration(out, &back) && back == v);
	units_format_bytes(v, out);
	assert_true(units_parse_bytes(out, &back) && back == v);
}

static void format_then_parse(void **state)
{
	(void)state;
	static const int64_t steps[] = {1, 1000, 1024, 60, 3600, 1000000};
	for (int64_t v = 0; v < 3000; v++) {
		for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
			same(v * steps[i]);
			same(v * steps[i] * 1000000 + 1);
		}
	}
	same(INT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(durations),
	    cmocka_unit_test(sizes),
	    cmocka_unit_test(neither),
	    cmocka_unit_test(shortest_form),
	    cmocka_unit_test(format_then_parse),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
