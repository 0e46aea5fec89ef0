/* Texts that are replaced while the process runs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/net/renewal.h"

#include <stdlib.h>

static void is(const char *first, const char *now)
{
	char *text = renewal_of(first);
	assert_string_equal(text, now);
	free(text);
}

static void the_last_one_counts(void **state)
{
	(void)state;
	is("a", "a");
	renewal_set("a", "b");
	is("a", "b");
	is("b", "b");
	renewal_set("a", "c");
	renewal_set("x", "y");
	is("a", "c");
	is("x", "y");
	renewal_set("a", "a");
	is("a", "a");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_last_one_counts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
