/* What is a violation: every commit, sight and state of hearing within small
 * bounds is held against a history of one key. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "projector/audit/audit_rule.h"

static enum audit_result row(
    version_t committed, version_t found, version_t as_of, uint64_t digest)
{
	const struct audit_commit c = {committed, true, 7};
	const struct audit_sight s = {true, found, as_of, true, digest};
	return audit_judge(&c, &s, 100);
}

static enum audit_result absent(bool present, version_t as_of, version_t heard)
{
	const struct audit_commit c = {10, present, 7};
	const struct audit_sight s = {.as_of = as_of};
	return audit_judge(&c, &s, heard);
}

static void rows(void **state)
{
	(void)state;
	assert_int_equal(row(10, 10, 11, 7), AUDIT_CURRENT);
	assert_int_equal(row(10, 10, 11, 8), AUDIT_CHANGED);
	assert_int_equal(row(10, 9, 11, 7), AUDIT_VIOLATION);
	assert_int_equal(row(10, 9, 10, 7), AUDIT_SKIPPED); /* behind */
	assert_int_equal(row(10, 12, 13, 7), AUDIT_SKIPPED);
	const struct audit_commit c = {10, true, 7};
	const struct audit_sight s = {true, 10, 11, false, 0};
	assert_int_equal(audit_judge(&c, &s, 0), AUDIT_CURRENT);
}

static void a_row_that_should_be_gone(void **state)
{
	(void)state;
	const struct audit_commit c = {10, false, 0};
	struct audit_sight s = {true, 9, 11, false, 0};
	assert_int_equal(audit_judge(&c, &s, 11), AUDIT_VIOLATION);
	s.as_of = 10;
	assert_int_equal(audit_judge(&c, &s, 11), AUDIT_SKIPPED);
	s = (struct audit_sight){true, 10, 11, false, 0};
	assert_int_equal(audit_judge(&c, &s, 11), AUDIT_SKIPPED);
}

static void absent_rows(void **state)
{
	(void)state;
	assert_int_equal(absent(false, 11, 11), AUDIT_CURRENT);
	assert_int_equal(absent(true, 10, 11), AUDIT_SKIPPED);
	assert_int_equal(absent(true, 11, 11), AUDIT_VIOLATION);
	/* A deletion in [11, 12) is still to be heard of. */
	assert_int_equal(absent(true, 12, 11), AUDIT_SKIPPED);
}

/* --- a store that is what it says is never a violation ------------------- */

enum { WRITES = 4 };

/* The row as of a watermark: bit v of `puts`: version v put it, else deleted.
 */
static struct audit_sight store(unsigned puts, version_t as_of)
{
	struct audit_sight s = {.as_of = as_of};
	if (as_of == 0 || !(puts >> (as_of - 1) & 1))
		return s;
	s.present = true;
	s.version = as_of - 1;
	return s;
}

static void never_for_nothing(void **state)
{
	(void)state;
	for (unsigned puts = 0; puts < 1U << WRITES; puts++)
		for (version_t last = 0; last < WRITES; last++)
			for (version_t as_of = 0; as_of <= WRITES; as_of++) {
				/* `last` is the newest that was heard. */
				const struct audit_commit c = {
				    last, puts >> last & 1, 0};
				const struct audit_sight s = store(puts, as_of);
				assert_int_not_equal(
				    audit_judge(&c, &s, last + 1),
				    AUDIT_VIOLATION);
			}
}

static void always_when_it_is_older(void **state)
{
	(void)state;
	for (unsigned puts = 0; puts < 1U << WRITES; puts++)
		for (version_t last = 1; last < WRITES; last++)
			for (version_t held = 0; held <= last; held++) {
				const struct audit_commit c = {
				    last, puts >> last & 1, 0};
				struct audit_sight s = store(puts, held);
				s.as_of = last + 1; /* it is not that far */
				bool wrong = s.present || c.present;
				assert_int_equal(
				    audit_judge(&c, &s, last + 1) ==
					AUDIT_VIOLATION,
				    wrong);
			}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(rows),
	    cmocka_unit_test(a_row_that_should_be_gone),
	    cmocka_unit_test(absent_rows),
	    cmocka_unit_test(never_for_nothing),
	    cmocka_unit_test(always_when_it_is_older),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
