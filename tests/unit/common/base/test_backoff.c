/* Backoff: bounds at every attempt, for every extreme of base and cap. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/backoff.h"

#include <limits.h>

static void doubles_up_to_the_cap(void **state)
{
	(void)state;
	static const dur_us_t most[] = {100, 200, 400, 800, 1000, 1000};
	struct backoff b;
	backoff_init(&b, 100, 1000);
	for (size_t i = 0; i < sizeof most / sizeof *most; i++) {
		struct backoff same = b;
		/* The remainder 0 is the least, the span's last the most. */
		assert_true(backoff_next(&same, 0) == 50);
		uint64_t last = (uint64_t)(most[i] - 50);
		same = b;
		assert_true(backoff_next(&same, last) == most[i]);
		assert_true(backoff_next(&b, last + 1) == 50);
	}
}

static void reset_begins_again(void **state)
{
	(void)state;
	struct backoff b;
	backoff_init(&b, 100, 1000);
	for (int i = 0; i < 9; i++)
		(void)backoff_next(&b, 1);
	assert_int_equal(b.attempts, 9);
	backoff_reset(&b);
	assert_int_equal(b.attempts, 0);
	assert_true(backoff_next(&b, 50) == 100);
}

/* No shift overflows, whatever the number of attempts (UBSan watches). */
static void bounds(void **state)
{
	(void)state;
	static const struct {
		dur_us_t base;
		dur_us_t cap;
	} table[] = {
	    {1, 1},
	    {1, INT64_MAX},
	    {2, 3},
	    {CLOCK_MS(50), CLOCK_S(30)},
	    {INT64_MAX / 2, INT64_MAX},
	    {INT64_MAX, INT64_MAX},
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct backoff b;
		uint64_t random = 0x9e3779b97f4a7c15;
		backoff_init(&b, table[i].base, table[i].cap);
		for (int n = 0; n < 1000; n++) {
			random = random * 6364136223846793005u + 1;
			dur_us_t d = backoff_next(&b, random);
			assert_true(d >= table[i].base / 2);
			assert_true(d <= table[i].cap);
			if (n == 0)
				assert_true(d <= table[i].base);
		}
	}
}

static void attempts_do_not_wrap(void **state)
{
	(void)state;
	struct backoff b;
	backoff_init(&b, 100, 1000);
	b.attempts = UINT_MAX;
	assert_true(backoff_next(&b, 950) == 1000);
	assert_true(b.attempts == UINT_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(doubles_up_to_the_cap),
	    cmocka_unit_test(reset_begins_again),
	    cmocka_unit_test(bounds),
	    cmocka_unit_test(attempts_do_not_wrap),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
