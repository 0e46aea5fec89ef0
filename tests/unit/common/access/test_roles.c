/* Roles: their names, and sets of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/access/roles.h"

#include <stdio.h>
#include <string.h>

static int forget(void **state)
{
	(void)state;
	roles_forget();
	return 0;
}

static void names_of_roles(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		bool valid;
	} cases[] = {
	    {"reader", true},
	    {"a", true},
	    {"a-b_c9", true},
	    {"", false},
	    {"9a", false},
	    {"-a", false},
	    {"Reader", false},
	    {"a b", false},
	    {"a.b", false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_int_equal(
		    role_name_valid(cases[i].name, strlen(cases[i].name)),
		    cases[i].valid);
	char longest[65];
	memset(longest, 'a', sizeof longest);
	assert_true(role_name_valid(longest, 63));
	assert_false(role_name_valid(longest, 64));
}

static void roles_are_bits(void **state)
{
	(void)state;
	role_set readers = 0, editors = 0;
	assert_true(roles_grant(&readers, "reader", 6));
	assert_true(roles_grant(&editors, "editor", 6));
	assert_true(roles_grant(&readers, "editor", 6));
	assert_int_equal(roles_find("editor", 6), editors);
	assert_int_equal(roles_find("reader", 6) | editors, readers);
	assert_int_equal(roles_find("read", 4), 0);
	assert_int_equal(roles_of_list(" reader, nobody editor"), readers);
	assert_int_equal(roles_of_list(""), 0);
	assert_int_equal(roles_anonymous(), 0);
}

static void there_are_64_roles(void **state)
{
	(void)state;
	role_set all = 0;
	char name[16];
	for (int i = 0; i < 64; i++) {
		snprintf(name, sizeof name, "r%d", i);
		assert_true(roles_grant(&all, name, strlen(name)));
	}
	assert_int_equal(all, UINT64_MAX);
	assert_false(roles_grant(&all, "one-more", 8));
	assert_true(roles_grant(&all, "r0", 2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(names_of_roles),
	    cmocka_unit_test_setup(roles_are_bits, forget),
	    cmocka_unit_test_setup(there_are_64_roles, forget),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
