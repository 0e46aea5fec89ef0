/* Outcomes: the names that travel, and the way back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/log/outcome.h"

#include <string.h>

/* Names in old logs and tables stay readable. */
static void released_names(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		enum outcome_kind kind;
	} table[] = {
	    {"created", OUTCOME_CREATED},
	    {"replaced", OUTCOME_REPLACED},
	    {"deleted", OUTCOME_DELETED},
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		enum reason r = REASON_DATA;
		size_t len = strlen(table[i].name);
		assert_int_equal(
		    outcome_parse(table[i].name, len, &r), table[i].kind);
		assert_int_equal(r, REASON_NONE);
		assert_string_equal(
		    outcome_name(table[i].kind, REASON_NONE), table[i].name);
	}
}

static void rejections_have_their_reason(void **state)
{
	(void)state;
	for (int i = REASON_NONE + 1; i < REASON_COUNT; i++) {
		enum reason want = (enum reason)i, got;
		const char *name = outcome_name(OUTCOME_REJECTED, want);
		assert_string_equal(name, reason_row(want)->name);
		assert_int_equal(
		    outcome_parse(name, strlen(name), &got), OUTCOME_REJECTED);
		assert_int_equal(got, want);
	}
}

static void other_names(void **state)
{
	(void)state;
	static const char *const table[] = {
	    "", "create", "createdx", "Created", "applied", "newer"};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		enum reason r = REASON_NONE;
		assert_int_equal(outcome_parse(table[i], strlen(table[i]), &r),
		    OUTCOME_REJECTED);
		assert_int_equal(r, REASON_DATA);
	}
	enum reason r;
	/* It obeys the length. */
	assert_int_equal(outcome_parse("deletedx", 7, &r), OUTCOME_DELETED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(released_names),
	    cmocka_unit_test(rejections_have_their_reason),
	    cmocka_unit_test(other_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
