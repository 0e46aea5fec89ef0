/* Reasons: the names that travel, and the way back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/log/reason.h"

#include <string.h>

static void every_row(void **state)
{
	(void)state;
	for (int r = REASON_NONE + 1; r < REASON_COUNT; r++) {
		const struct reason_row *row = reason_row((enum reason)r);
		size_t len = strlen(row->name);
		assert_int_equal(reason_parse(row->name, len), r);
		assert_true(row->status >= 400 && row->status < 600);
		assert_true(row->text[0] != '\0');
		/* It goes unescaped into marks and SQL. */
		for (size_t i = 0; i < len; i++)
			assert_true(
			    (row->name[i] >= 'a' && row->name[i] <= 'z') ||
			    row->name[i] == '-');
		for (int k = REASON_NONE + 1; k < r; k++)
			assert_string_not_equal(
			    row->name, reason_row((enum reason)k)->name);
	}
}

/* Names in old logs and tables stay readable. */
static void released_names(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		enum reason reason;
	} table[] = {
	    {"not-found", REASON_NOT_FOUND},
	    {"constraint-violation", REASON_CONSTRAINT},
	    {"validation-failed", REASON_DATA},
	    {"malformed", REASON_MALFORMED},
	    {"precondition-failed", REASON_PRECONDITION},
	    {"key-exists", REASON_KEY_EXISTS},
	    {"overflow", REASON_OVERFLOW},
	    {"idempotency-key-reused", REASON_KEY_REUSED},
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		size_t len = strlen(table[i].name);
		assert_int_equal(
		    reason_parse(table[i].name, len), table[i].reason);
	}
}

static void no_reason(void **state)
{
	(void)state;
	static const char *const table[] = {
	    "", "not-foun", "not-foundx", "Not-found", " malformed", "none"};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		assert_int_equal(
		    reason_parse(table[i], strlen(table[i])), REASON_DATA);
	}
	/* It obeys the length. */
	assert_int_equal(reason_parse("malformed…", 9), REASON_MALFORMED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_row),
	    cmocka_unit_test(released_names),
	    cmocka_unit_test(no_reason),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
