/* Claims that declarations name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/access/claims.h"

static int forget(void **state)
{
	(void)state;
	claims_forget();
	return 0;
}

static void there_are_8_claims(void **state)
{
	(void)state;
	unsigned i;
	assert_int_equal(claims_count(), 1);
	assert_string_equal(claims_at(0), "sub");
	assert_true(claims_add("tenant", 6, &i));
	assert_int_equal(i, 1);
	assert_true(claims_add("sub", 3, &i));
	assert_int_equal(i, 0);
	for (int n = 2; n < CLAIMS_MAX; n++) {
		char name[2] = {(char)('a' + n), '\0'};
		assert_true(claims_add(name, 1, &i));
	}
	assert_false(claims_add("more", 4, &i));
	assert_false(claims_add("", 0, &i));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(there_are_8_claims, forget),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
