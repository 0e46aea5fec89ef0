/* One line a second, and how many were not told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/seldom.h"

static void one_a_second(void **state)
{
	(void)state;
	struct seldom s = {0};
	uint64_t untold;
	mono_us_t now = CLOCK_S(100);
	assert_true(seldom_tells(&s, now, &untold));
	assert_true(untold == 0);
	for (int i = 0; i < 5; i++)
		assert_false(seldom_tells(&s, now + CLOCK_S(1) - 1, &untold));
	assert_true(seldom_tells(&s, now + CLOCK_S(1), &untold));
	assert_true(untold == 5);
	assert_true(seldom_tells(&s, now + CLOCK_S(3), &untold));
	assert_true(untold == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(one_a_second)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
