/* The Idempotency-Keys of several callers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/write/key_scope.h"

#include <stdlib.h>
#include <string.h>

static void callers_do_not_meet(void **state)
{
	(void)state;
	char *ada = key_scope("ada", "k", 1),
	     *again = key_scope("ada", "kk", 1);
	char *bob = key_scope("bob", "k", 1), *other = key_scope("ad", "ak", 2);
	assert_int_equal(strlen(ada), KEY_SCOPE_LEN);
	/* printf 'ada\0k' | sha256sum */
	assert_string_equal(ada,
	    "08af48f3d864d81397756adbaff0717763363c783fe00eab126de4e6b533ea21");
	assert_string_equal(ada, again);
	assert_string_not_equal(ada, bob);
	assert_string_not_equal(ada, other);
	free(ada);
	free(again);
	free(bob);
	free(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(callers_do_not_meet),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
