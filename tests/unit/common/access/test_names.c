/* A table of names: what it takes, and when it is full. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/access/names.h"

#include <string.h>

static void what_it_takes(void **state)
{
	(void)state;
	struct names t = {.n = 0};
	char longest[NAMES_NAME_MAX + 1];
	unsigned i;
	memset(longest, 'x', sizeof longest);
	assert_true(names_add(&t, longest, NAMES_NAME_MAX, &i));
	assert_int_equal(i, 0);
	assert_false(names_add(&t, longest, NAMES_NAME_MAX + 1, &i));
	assert_false(names_add(&t, "", 0, &i));
	assert_false(names_add(&t, "a\0b", 3, &i));
	assert_true(names_add(&t, "a", 1, &i));
	assert_int_equal(i, 1);
	assert_true(names_find(&t, "a", 1, &i));
	assert_false(names_find(&t, "x", 1, &i));
}

static void it_has_an_end(void **state)
{
	(void)state;
	struct names t = {.n = 0};
	unsigned at;
	for (int i = 0; i < NAMES_MAX; i++) {
		char name = (char)(' ' + i);
		assert_true(names_add(&t, &name, 1, &at));
	}
	assert_false(names_add(&t, "full", 4, &at));
	assert_true(names_add(&t, " ", 1, &at));
	assert_int_equal(at, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_it_takes),
	    cmocka_unit_test(it_has_an_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
