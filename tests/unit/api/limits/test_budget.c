#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/limits/budget.h"

#include <pthread.h>
#include <string.h>

enum { KIB = 1024, LARGE = 100 * KIB, MOST = 1000 * KIB };

static void small_and_large(void **state)
{
	(void)state;
	struct budget b = {.most = MOST};
	size_t held[16] = {0}, small = 0, n = 0;
	while (budget_take(&b, &held[n], LARGE))
		n++;
	/* Three quarters are for everybody. */
	assert_int_equal(n, 7);
	assert_int_equal(b.refused, 1);
	assert_true(budget_take(&b, &small, BUDGET_SMALL));
	assert_int_equal(b.used, 7 * LARGE + BUDGET_SMALL);
	/* A small one that grows is a large one. */
	assert_false(budget_take(&b, &small, BUDGET_SMALL + 1));
	assert_int_equal(small, BUDGET_SMALL);
	/* The last quarter is used up by small ones. */
	size_t more[16] = {0}, taken = 0;
	while (budget_take(&b, &more[taken], BUDGET_SMALL))
		taken++;
	assert_true(b.used <= MOST && b.used + BUDGET_SMALL > MOST);
	while (taken)
		budget_set(&b, &more[--taken], 0);
	budget_set(&b, &small, 0);
	while (n)
		assert_true(budget_take(&b, &held[--n], 0));
	assert_int_equal(b.used, 0);
}

static void growing(void **state)
{
	(void)state;
	struct budget b = {.most = MOST};
	size_t held = 0;
	for (size_t want = 1; want <= MOST / 2; want *= 2) {
		assert_true(budget_take(&b, &held, want));
		assert_int_equal(b.used, want);
	}
	assert_true(budget_take(&b, &held, 10));
	assert_int_equal(b.used, 10);
	assert_false(budget_take(&b, &held, SIZE_MAX));
	assert_false(budget_take(&b, &held, MOST));
	assert_int_equal(b.used, 10);
	assert_int_equal(b.refused, 2);
	/* What only asks takes nothing. */
	assert_true(budget_fits(&b, MOST - MOST / 4 - 10));
	assert_false(budget_fits(&b, MOST - MOST / 4 - 9));
	assert_true(budget_fits(&b, BUDGET_SMALL));
	assert_false(budget_fits(&b, SIZE_MAX));
	assert_int_equal(b.used, 10);
	assert_int_equal(b.refused, 4);
}

static void what_is_there_already(void **state)
{
	(void)state;
	struct budget b = {.most = MOST};
	size_t held = 0;
	assert_false(budget_is_tight(&b));
	budget_set(&b, &held, 2 * MOST);
	assert_int_equal(b.used, 2 * MOST);
	assert_true(budget_is_over(&b));
	assert_false(budget_keeps(&b, 1));
	assert_int_equal(b.refused, 1);
	budget_set(&b, &held, MOST - 1);
	assert_false(budget_is_over(&b));
	assert_true(budget_keeps(&b, BUDGET_SMALL));
	assert_false(budget_keeps(&b, LARGE));
	assert_true(budget_is_tight(&b));
	budget_set(&b, &held, MOST / 2);
	assert_true(budget_keeps(&b, LARGE));
	assert_false(budget_is_tight(&b));
}

/* --- threads ------------------------------------------------------------- */

enum { THREADS = 4, ROUNDS = 20000 };

static void *take_and_give(void *arg)
{
	struct budget *b = arg;
	size_t held = 0;
	for (int i = 0; i < ROUNDS; i++) {
		size_t want = (size_t)(i % 7) * 60 * KIB;
		bool taken = budget_take(b, &held, want);
		assert_true(taken ? held == want : held < want);
		assert_true(atomic_load(&b->used) <= MOST);
	}
	budget_set(b, &held, 0);
	return NULL;
}

static void never_more_than_the_limit(void **state)
{
	(void)state;
	struct budget b = {.most = MOST};
	pthread_t threads[THREADS];
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, take_and_give, &b), 0);
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(b.used, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(small_and_large),
	    cmocka_unit_test(growing),
	    cmocka_unit_test(what_is_there_already),
	    cmocka_unit_test(never_more_than_the_limit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
