/* Exact sums, against integers of 128 bits and by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/json/decimal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 1000 };

static struct jsonslice raw(const char *s)
{
	return (struct jsonslice){s, strlen(s)};
}

static void is_sum(const char *a, const char *b, const char *want)
{
	struct buf out = {0};
	bool ok = decimal_add(&out, raw(a), raw(b), MOST);
	if (!ok || strcmp(out.data, want) != 0)
		fail_msg("%s + %s = %s, not %s", a, b,
		    ok ? out.data : "nothing", want);
	buf_free(&out);
}

static void by_hand(void **state)
{
	(void)state;
	is_sum("0", "0", "0");
	is_sum("-0", "0.00", "0.00");
	is_sum("0.10", "0.2", "0.30");
	is_sum("1", "-1.00", "0.00");
	is_sum("0.5", "-0.75", "-0.25");
	is_sum("-0.5", "0.75", "0.25");
	is_sum("999.9", "0.1", "1000.0");
	is_sum("-999.9", "-0.1", "-1000.0");
	is_sum("1e3", "1.5e1", "1015");
	is_sum("1.50e1", "0", "15.0");
	is_sum("1.5E-3", "1", "1.0015");
	is_sum("0e99", "1", "1");
	is_sum("1e20", "1e-20", "100000000000000000000.00000000000000000001");
	is_sum(
	    "12345678901234567890.123", "-12345678901234567890.122", "0.001");
}

static void text_of(__int128 v, int scale, char out[64])
{
	char digits[64];
	size_t n = 0;
	bool negative = v < 0;
	for (v = negative ? -v : v; v || (int)n <= scale; v /= 10) {
		digits[n++] = (char)('0' + (int)(v % 10));
	}
	size_t at = 0;
	if (negative)
		out[at++] = '-';
	while (n > 0) {
		out[at++] = digits[--n];
		if (n == (size_t)scale && scale > 0)
			out[at++] = '.';
	}
	out[at] = '\0';
}

static int64_t power(int n)
{
	int64_t p = 1;
	while (n-- > 0)
		p *= 10;
	return p;
}

static void as_integers_say(void **state)
{
	(void)state;
	srandom(7);
	for (int i = 0; i < 200000; i++) {
		int sa = (int)(random() % 10), sb = (int)(random() % 10);
		int s = sa > sb ? sa : sb;
		int64_t a = random() % power((int)(random() % 10));
		int64_t b = random() % power((int)(random() % 10));
		a = random() & 1 ? a : -a;
		b = random() & 1 ? b : -b;
		char x[64], y[64], want[64];
		text_of(a, sa, x);
		text_of(b, sb, y);
		text_of(
		    (__int128)a * power(s - sa) + (__int128)b * power(s - sb),
		    s, want);
		is_sum(x, y, want);
	}
}

static void limits(void **state)
{
	(void)state;
	static const char *const good[] = {"1e999", "-1e999", "1e-1000",
	    "0.1e1000", "0e999", "0e-1000", "0.00e2", "1000e-3"};
	static const char *const bad[] = {"1e1000", "1e-1001", "0e1001",
	    "0e-1001", "1e99999999999999999999", "0e99999999999999999999",
	    "1e-99999999999999999999", "10e999"};
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		assert_true(decimal_fits(raw(good[i]), MOST));
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(decimal_fits(raw(bad[i]), MOST));
	assert_true(decimal_fits(raw("1e1000"), MOST + 1));
	struct buf nines = {0}, out = {0};
	for (int i = 0; i < MOST; i++)
		buf_char(&nines, '9');
	const struct jsonslice most = {nines.data, nines.len};
	assert_true(decimal_fits(most, MOST));
	assert_false(decimal_add(&out, most, raw("1"), MOST));
	assert_true(decimal_add(&out, most, raw("-1"), MOST));
	assert_false(decimal_add(&out, raw("1e1000"), raw("1"), MOST));
	buf_free(&nines);
	buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(by_hand),
	    cmocka_unit_test(as_integers_say),
	    cmocka_unit_test(limits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
