/* From an SQLSTATE to the reason of a rejection. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "writer/rejections/reject_reason.h"

static void reason_is(const char *code, const char *constraint,
    enum reason reason, const char *detail)
{
	struct write w = {.version = 7};
	struct err e = err_make(ERR_KIND_REJECT, code, "what Postgres said");
	reject_reason_write(&w, 3, &e, constraint);
	if (w.refused != reason)
		fail_msg("%s: %s", code, reason_row(w.refused)->name);
	assert_string_equal(w.detail, detail);
	write_clear(&w);
}

static void constraints(void **state)
{
	(void)state;
	static const char *const codes[] = {"23503", "23505", "23514", "23P01",
	    "23000", "44000", "P0001", "P0000"};
	for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
		reason_is(
		    codes[i], "", REASON_CONSTRAINT, "what Postgres said");
}

static void data(void **state)
{
	(void)state;
	static const char *const codes[] = {
	    "23502", "22001", "22003", "22P02", "54000", "42804", ""};
	for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
		reason_is(codes[i], "", REASON_DATA, "what Postgres said");
}

/* It says more, and nothing of other rows. */
static void the_name_of_a_constraint_comes_first(void **state)
{
	(void)state;
	reason_is(
	    "23505", "posts_title_key", REASON_CONSTRAINT, "posts_title_key");
	reason_is("23502", "n", REASON_DATA, "n");
}

/* What a trigger says is not taken for an operation of a batch. */
static void operations_of_a_batch(void **state)
{
	(void)state;
	struct write w = {0};
	struct err e = err_make(ERR_KIND_REJECT, "P0001", "operation 3: no");
	reject_reason_write(&w, 3, &e, "");
	assert_string_equal(w.detail, " operation 3: no");
	reject_reason_operation(&w, 7, 3, &e, "");
	assert_string_equal(w.detail, "operation 7: operation 3: no");
	write_clear(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(constraints),
	    cmocka_unit_test(data),
	    cmocka_unit_test(the_name_of_a_constraint_comes_first),
	    cmocka_unit_test(operations_of_a_batch),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
