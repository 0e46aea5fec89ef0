#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/log/writes_bound.h"

enum { END = 100, NOW = 1000000 };

/* As soon after the last answer as counts. */
static bool answered(struct writes_bound *b, version_t highest, version_t head)
{
	writes_bound_asks(b, highest, 7);
	return writes_bound_answered(b, head, b->as_of + WRITES_BOUND_APART_US);
}

static void nothing_is_known(void **state)
{
	(void)state;
	struct writes_bound b = {0};
	assert_true(writes_bound_admits(&b, 0, VERSION_MAX, NOW));
}

static void far_above(void **state)
{
	(void)state;
	struct writes_bound b = {0};
	version_t most = END + WRITES_BOUND_SLACK;
	assert_false(answered(&b, END, END));
	assert_true(writes_bound_admits(&b, 7, most, NOW));
	assert_false(writes_bound_admits(&b, 7, most + 1, NOW));
	assert_true(writes_bound_admits(&b, 7, version_make(1, 1), NOW));
	assert_false(writes_bound_admits(&b, 7, version_make(2, 1), NOW));
	/* A log that was not asked of for long may have grown. */
	assert_true(
	    writes_bound_admits(&b, 7, most + 1, NOW + WRITES_BOUND_STALE_US));
}

static void a_little_above(void **state)
{
	(void)state;
	struct writes_bound b = {0};
	assert_false(answered(&b, END + 1, END));
	assert_false(answered(&b, END + 1, END + 1)); /* it was known late */
	assert_false(answered(&b, END + 9, END + 3));
	assert_true(answered(&b, END + 9, END + 2));
	assert_false(writes_bound_admits(&b, 6, END + 4, NOW));
	assert_true(writes_bound_admits(&b, 6, END + 3, NOW));
	assert_true(writes_bound_admits(&b, 7, END + 9, NOW));
	/* It counts from anew. */
	assert_false(answered(&b, END + 9, END + 3));
	assert_true(answered(&b, END + 9, END + 3));
}

/* Answers in quick succession may all come from a server that is behind. */
static void answers_close_together(void **state)
{
	(void)state;
	struct writes_bound b = {0};
	assert_false(answered(&b, END + 9, END));
	mono_us_t first = b.as_of;
	writes_bound_asks(&b, END + 9, 7);
	assert_false(writes_bound_answered(
	    &b, END + 3, first + WRITES_BOUND_APART_US - 1));
	writes_bound_asks(&b, END + 9, 7);
	assert_true(
	    writes_bound_answered(&b, END, first + WRITES_BOUND_APART_US));
	/* The highest of all low answers counts. */
	assert_true(writes_bound_admits(&b, 6, END + 3, NOW));
	assert_false(writes_bound_admits(&b, 6, END + 4, NOW));
}

static void an_empty_log(void **state)
{
	(void)state;
	struct writes_bound b = {0};
	assert_false(answered(&b, 5, 0));
	assert_true(answered(&b, 5, 0));
	assert_false(writes_bound_admits(&b, 6, 5, NOW));
	assert_true(writes_bound_admits(&b, 6, 0, NOW));
}

static void another_epoch(void **state)
{
	(void)state;
	struct writes_bound b = {0};
	version_t next = version_make(1, 3);
	for (int i = 1; i < WRITES_BOUND_EPOCH_DOUBTS; i++)
		assert_false(answered(&b, next, END));
	assert_false(answered(&b, next, version_make(1, 9)));
	for (int i = 1; i < WRITES_BOUND_EPOCH_DOUBTS; i++)
		assert_false(answered(&b, version_make(2, 1), next));
	assert_true(answered(&b, version_make(2, 1), next));
}

/* It was passed over because the head was known late. */
static void passed_over_wrongly(void **state)
{
	(void)state;
	struct writes_bound b = {0};
	version_t early = version_make(2, 5), late = version_make(3, 5);
	assert_false(answered(&b, END, END));
	assert_false(writes_bound_admits(&b, 7, late, NOW));
	assert_false(writes_bound_admits(&b, 8, early, NOW));
	assert_true(answered(&b, END, version_make(2, 6)));
	assert_true(writes_bound_admits(&b, 6, early, NOW));
	/* Each is looked at once: that one was forged. */
	assert_false(answered(&b, END, version_make(3, 9)));
}

/* It is heard after the question: the answer does not tell. */
static void passed_over_after_the_question(void **state)
{
	(void)state;
	struct writes_bound b = {0};
	version_t far = END + WRITES_BOUND_SLACK + 9;
	assert_false(answered(&b, END, END));
	writes_bound_asks(&b, END, 7);
	assert_false(writes_bound_admits(&b, 8, far, NOW));
	assert_false(writes_bound_answered(&b, END, NOW));
	assert_true(answered(&b, END, far));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(nothing_is_known),
	    cmocka_unit_test(far_above),
	    cmocka_unit_test(a_little_above),
	    cmocka_unit_test(answers_close_together),
	    cmocka_unit_test(an_empty_log),
	    cmocka_unit_test(another_epoch),
	    cmocka_unit_test(passed_over_wrongly),
	    cmocka_unit_test(passed_over_after_the_question),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
