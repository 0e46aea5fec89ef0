/* What the codes of Postgres say about a batch. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "writer/batch/batch_error.h"

#include "common/sql/bookkeeping.h"

static struct err of(const char *code)
{
	return err_make(ERR_KIND_RETRY, code, "x");
}

static void assert_of_server(const char *code, bool yes)
{
	struct err e = of(code);
	assert_int_equal(batch_error_is_of_server(&e), yes);
}

static void of_the_server(void **state)
{
	(void)state;
	assert_of_server("08006", true); /* the connection is lost */
	assert_of_server("08P01", true);
	assert_of_server("57P01", true); /* it shuts down */
	assert_of_server("25006", true); /* it is a standby */
	assert_of_server("25001", false);
	assert_of_server("57014", false); /* one statement was cancelled */
	assert_of_server("40P01", false); /* a deadlock */
	assert_of_server("55P03", false); /* a lock */
	assert_of_server("", false);
}

static void assert_too_much(const char *code, dur_us_t took, bool yes)
{
	struct err e = of(code);
	assert_int_equal(batch_error_is_too_much(&e, took), yes);
}

static void too_much(void **state)
{
	(void)state;
	assert_too_much("57014", 0, true);
	assert_too_much("53200", 0, true);
	assert_too_much("53100", 0, false);
	assert_too_much("08006", CLOCK_S(30), false);
	assert_too_much("08006", CLOCK_S(30) + 1, true);
}

static void a_row_that_is_not_there(void **state)
{
	(void)state;
	struct err missing = of("23503"), null = of("23502");
	assert_true(batch_error_is_reference(&missing));
	assert_false(batch_error_is_reference(&null));
}

static void a_row_that_is_there(void **state)
{
	(void)state;
	struct err unique = of("23505"), other = of("23503");
	assert_true(batch_error_is_duplicate(&unique, "records_pkey"));
	assert_true(batch_error_is_duplicate(&unique, ""));
	assert_false(batch_error_is_duplicate(&unique, BOOKKEEPING_KEY_TAKEN));
	assert_false(batch_error_is_duplicate(&other, "records_pkey"));
}

static void an_idempotency_key(void **state)
{
	(void)state;
	assert_true(batch_error_is_key_taken(BOOKKEEPING_KEY_TAKEN));
	assert_false(batch_error_is_key_taken("records_pkey"));
	assert_false(batch_error_is_key_taken(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(of_the_server),
	    cmocka_unit_test(too_much),
	    cmocka_unit_test(a_row_that_is_not_there),
	    cmocka_unit_test(a_row_that_is_there),
	    cmocka_unit_test(an_idempotency_key),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
