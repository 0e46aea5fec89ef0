/* The samples: how many, what is expected of them, when they are due. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "projector/audit/samples.h"

#include <stdio.h>
#include <string.h>

#define NOW CLOCK_S(1000)

static void hear(struct samples *s, const char *id, version_t v, mono_us_t now)
{
	const struct audit_commit c = {v, true, v};
	samples_hear(s, id, strlen(id), 3, &c, true, now);
}

/* The version that is expected of the one that is due; 0: none is. */
static version_t due(struct samples *s, mono_us_t now)
{
	struct sample *one = samples_due(s, now);
	version_t v = one ? one->commit.version : 0;
	if (one)
		samples_release(s, &one);
	return v;
}

static void three_times(void **state)
{
	(void)state;
	struct samples *s = samples_new(1000);
	hear(s, "records/a", 5, NOW);
	assert_true(due(s, NOW + CLOCK_S(1) - 1) == 0);
	assert_true(due(s, NOW + CLOCK_S(1)) == 5);
	assert_true(due(s, NOW + CLOCK_S(1)) == 0);
	assert_true(due(s, NOW + CLOCK_S(10)) == 5);
	assert_true(due(s, NOW + CLOCK_S(59)) == 0);
	assert_int_equal(samples_count(s), 1);
	assert_true(due(s, NOW + CLOCK_S(60)) == 5);
	assert_int_equal(samples_count(s), 0);
	samples_free(&s);
}

static void the_newest_commit_is_expected(void **state)
{
	(void)state;
	struct samples *s = samples_new(1000);
	hear(s, "records/a", 5, NOW);
	hear(s, "records/a", 9, NOW + 1);
	hear(s, "records/a", 7, NOW + 2); /* late */
	assert_int_equal(samples_count(s), 1);
	assert_true(due(s, NOW + CLOCK_S(1)) == 9);
	samples_free(&s);
}

static void no_more_than_the_rate(void **state)
{
	(void)state;
	struct samples *s = samples_new(2);
	char id[32];
	for (int ms = 0; ms < 200 * 1000; ms += 10) {
		snprintf(id, sizeof id, "records/%d", ms);
		hear(s, id, 1, NOW + CLOCK_MS(ms));
		assert_int_equal(
		    samples_want(s, id, strlen(id), true, NOW + CLOCK_MS(ms)),
		    ms % 500 == 0 && ms < 61 * 1000);
	}
	assert_int_equal(samples_count(s), 2 * 61);
	samples_free(&s);
}

static void not_every_commit_may_begin_one(void **state)
{
	(void)state;
	struct samples *s = samples_new(1000);
	const struct audit_commit c = {5, true, 1};
	assert_false(samples_want(s, "records/a", 9, false, NOW));
	samples_hear(s, "records/a", 9, 0, &c, false, NOW);
	assert_int_equal(samples_count(s), 0);
	hear(s, "records/a", 5, NOW);
	assert_true(samples_want(s, "records/a", 9, false, NOW));
	samples_free(&s);
}

static void dropped_ones_are_not_due(void **state)
{
	(void)state;
	struct samples *s = samples_new(1000);
	hear(s, "records/a", 5, NOW);
	struct sample *one = samples_due(s, NOW + CLOCK_S(1));
	assert_non_null(one);
	samples_drop(s, 2);
	assert_false(one->dropped);
	samples_drop(s, 3);
	assert_true(one->dropped);
	samples_release(s, &one);
	hear(s, "records/a", 6, NOW + CLOCK_S(2)); /* a new one */
	assert_int_equal(samples_count(s), 2);
	assert_true(due(s, NOW + CLOCK_S(3)) == 6);
	assert_true(due(s, NOW + CLOCK_S(12)) == 6);
	assert_int_equal(samples_count(s), 1);
	samples_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(three_times),
	    cmocka_unit_test(the_newest_commit_is_expected),
	    cmocka_unit_test(no_more_than_the_rate),
	    cmocka_unit_test(not_every_commit_may_begin_one),
	    cmocka_unit_test(dropped_ones_are_not_due),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
