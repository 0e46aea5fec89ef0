#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/stall.h"

static void the_longest(void **state)
{
	(void)state;
	struct stall s = {0};
	mono_us_t now = CLOCK_S(1000);
	assert_int_equal(stall_recent(&s, now), 0);
	stall_note(&s, now, 5);
	stall_note(&s, now, 3);
	assert_int_equal(stall_recent(&s, now), 5);
	assert_int_equal(stall_ever(&s), 5);
	stall_note(&s, now + CLOCK_S(20), 4);
	assert_int_equal(stall_recent(&s, now + CLOCK_S(20)), 5);
}

static void it_is_forgotten(void **state)
{
	(void)state;
	struct stall s = {0};
	mono_us_t now = CLOCK_S(1000);
	stall_note(&s, now, 500);
	stall_note(&s, now + CLOCK_S(30), 7);
	assert_int_equal(stall_recent(&s, now + CLOCK_S(59)), 500);
	assert_int_equal(stall_recent(&s, now + CLOCK_S(60)), 7);
	assert_int_equal(stall_recent(&s, now + CLOCK_S(89)), 7);
	assert_int_equal(stall_recent(&s, now + CLOCK_S(90)), 0);
	/* The slot of long ago is used again. */
	stall_note(&s, now + CLOCK_S(600), 2);
	assert_int_equal(stall_recent(&s, now + CLOCK_S(600)), 2);
	assert_int_equal(stall_ever(&s), 500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_longest),
	    cmocka_unit_test(it_is_forgotten),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
