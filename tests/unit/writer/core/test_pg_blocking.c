/* Which failures to connect are not worth another try. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "writer/core/pg_blocking.h"

#define FROM "connection to server at \"127.0.0.1\", port 5432 failed: "

static void refused(void **state)
{
	(void)state;
	assert_true(pg_blocking_is_refused(
	    FROM "FATAL:  28P01: password authentication failed\n"
		 "LOCATION:  auth_failed, auth.c:328\n"));
	assert_true(
	    pg_blocking_is_refused(FROM "FATAL:  28000: no pg_hba.conf\n"));
	assert_true(pg_blocking_is_refused(
	    FROM "FATALE:  3D000: il database \"x\" non esiste\n"));
	assert_true(pg_blocking_is_refused(
	    FROM "Connection refused\n" FROM
		 "FATAL:  28P01: password authentication failed\n"));
}

static void worth_waiting(void **state)
{
	(void)state;
	assert_false(pg_blocking_is_refused(""));
	assert_false(pg_blocking_is_refused(FROM "Connection refused\n"));
	assert_false(pg_blocking_is_refused(
	    FROM "FATAL:  57P03: the database system is starting up\n"));
	assert_false(pg_blocking_is_refused(FROM "FATAL:  53300: too many\n"));
	assert_false(pg_blocking_is_refused(FROM "FATAL:  28"));
	assert_false(pg_blocking_is_refused(FROM "FATAL:  280000: no such\n"));
	assert_false(pg_blocking_is_refused("database \"a:  28\" is away"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(refused),
	    cmocka_unit_test(worth_waiting),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
