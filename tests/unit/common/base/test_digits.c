/* Digits: what printf writes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/digits.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void check(uint64_t v)
{
	char want[32], got[32] = {0};
	char *end = got + DIGITS_DECIMAL;
	char *at = digits_decimal(end, v);
	snprintf(want, sizeof want, "%" PRIu64, v);
	assert_true(at >= got);
	assert_string_equal(at, want);
	memset(got, 0, sizeof got);
	digits_hex(got, v);
	snprintf(want, sizeof want, "%016" PRIx64, v);
	assert_string_equal(got, want);
}

static void as_printf(void **state)
{
	(void)state;
	uint64_t power = 1;
	for (int i = 0; i < 20; i++, power *= 10) {
		check(power - 1);
		check(power);
		check(power + 1);
	}
	for (int bit = 0; bit < 64; bit++)
		check(UINT64_C(1) << bit);
	check(0);
	check(UINT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(as_printf),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
