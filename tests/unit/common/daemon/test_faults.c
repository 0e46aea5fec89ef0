#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/daemon/faults.h"

#include <stdio.h>
#include <string.h>

static void add(struct faults *f, int n)
{
	faults_add(f, err_make(ERR_KIND_FATAL, "config", "fault %d", n));
}

static void faults_are_kept_once(void **state)
{
	(void)state;
	struct faults f = {0};
	faults_add(&f, ERR_OK);
	assert_int_equal(f.n, 0);
	assert_int_equal(faults_first(&f).kind, ERR_KIND_OK);
	add(&f, 1);
	add(&f, 2);
	add(&f, 1);
	assert_int_equal(f.n, 2);
	assert_string_equal(faults_first(&f).msg, "fault 1");
}

static void there_is_an_end(void **state)
{
	(void)state;
	struct faults f = {0};
	for (int i = 0; i < FAULTS_MOST + 3; i++)
		add(&f, i);
	assert_int_equal(f.n, FAULTS_MOST);
	assert_int_equal(f.more, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(faults_are_kept_once),
	    cmocka_unit_test(there_is_an_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
