/* For how long a store has been behind, by notes of what was decided. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/commits/lag.h"
#include "common/base/mem.h"

#include <stdlib.h>

/* Ten writes a second, noted at the seconds 1 to `n`. */
static struct lag *noted(int n)
{
	struct lag *l = MEM_NEW(struct lag);
	for (int i = 1; i <= n; i++)
		lag_note(l, CLOCK_S(i), 10L * i);
	return l;
}

static void nothing_noted_is_no_lag(void **state)
{
	struct lag *l = noted(0);
	(void)state;
	assert_int_equal(lag_of(l, CLOCK_S(5), 0), 0);
	free(l);
}

static void a_store_that_has_all_is_not_late(void **state)
{
	struct lag *l = noted(100);
	(void)state;
	assert_int_equal(lag_of(l, CLOCK_S(101), 1000), 0);
	assert_int_equal(lag_of(l, CLOCK_S(101), 2000), 0);
	free(l);
}

static void the_oldest_note_that_is_not_reached_counts(void **state)
{
	struct lag *l = noted(100);
	(void)state;
	assert_int_equal(lag_of(l, CLOCK_S(100), 999), 0);
	assert_int_equal(lag_of(l, CLOCK_S(101), 999), CLOCK_S(1));
	assert_int_equal(lag_of(l, CLOCK_S(101), 990), CLOCK_S(1));
	assert_int_equal(lag_of(l, CLOCK_S(101), 989), CLOCK_S(2));
	assert_int_equal(lag_of(l, CLOCK_S(101), 0), CLOCK_S(100));
	free(l);
}

static void while_nothing_is_written_the_lag_grows(void **state)
{
	struct lag *l = noted(10);
	(void)state;
	for (int i = 11; i <= 60; i++)
		lag_note(l, CLOCK_S(i), 100);
	assert_int_equal(lag_of(l, CLOCK_S(60), 100), 0);
	assert_int_equal(lag_of(l, CLOCK_S(60), 99), CLOCK_S(50));
	free(l);
}

static void it_is_at_most_what_is_kept(void **state)
{
	struct lag *l = noted(3 * LAG_NOTES);
	(void)state;
	assert_int_equal(
	    lag_of(l, CLOCK_S(3 * LAG_NOTES), 5), CLOCK_S(LAG_NOTES - 1));
	assert_int_equal(
	    lag_of(l, CLOCK_S(3 * LAG_NOTES), 10L * (2 * LAG_NOTES + 7)),
	    CLOCK_S(LAG_NOTES - 8));
	free(l);
}

static void another_log_begins_anew(void **state)
{
	struct lag *l = noted(50);
	(void)state;
	lag_note(l, CLOCK_S(51), 3);
	assert_int_equal(lag_of(l, CLOCK_S(53), 0), CLOCK_S(2));
	assert_int_equal(lag_of(l, CLOCK_S(53), 3), 0);
	free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(nothing_noted_is_no_lag),
	    cmocka_unit_test(a_store_that_has_all_is_not_late),
	    cmocka_unit_test(the_oldest_note_that_is_not_reached_counts),
	    cmocka_unit_test(while_nothing_is_written_the_lag_grows),
	    cmocka_unit_test(it_is_at_most_what_is_kept),
	    cmocka_unit_test(another_log_begins_anew),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
