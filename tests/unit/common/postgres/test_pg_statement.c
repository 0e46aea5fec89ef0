/* Statements as queries, with parameters, and as parts of scripts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/postgres/pg_statement.h"

#define LIST(...) ((const char *const[]){__VA_ARGS__})

static void queries(void **state)
{
	(void)state;
	static const struct pg_statement s = {"SELECT a FROM t", "pv"};
	struct pg_query q = pg_statement_query(&s);
	assert_ptr_equal(q.sql, s.sql);
	assert_int_equal(q.result_format, 1);
	assert_int_equal(q.nparams, 0);
	assert_false(q.once);
	assert_string_equal(q.shape.columns, "pv");
}

static void parameters(void **state)
{
	(void)state;
	static const struct pg_statement s = {
	    "SELECT a FROM t WHERE b = $1 AND c = $2", "v"};
	struct pg_params c = pg_statement_params(&s);
	pg_params_int4(&c, 7);
	pg_params_text(&c, "x");
	struct pg_query q = pg_params_query(&c);
	assert_ptr_equal(q.sql, s.sql);
	assert_int_equal(q.nparams, 2);
	assert_string_equal(q.shape.columns, "v");
	pg_params_free(&c);
}

static void scripts(void **state)
{
	(void)state;
	static const struct pg_statement s = {
	    "INSERT INTO t SELECT $1, $2, '$', $1", NULL};
	struct buf b = {0};
	/* A value is not searched for parameters. */
	pg_statement_script(&b, &s, LIST("'$2'", "NULL"), 2);
	pg_statement_script(&b, &s, LIST("3", "4"), 2);
	assert_string_equal(b.data,
	    "INSERT INTO t SELECT '$2', NULL, '$', '$2';\n"
	    "INSERT INTO t SELECT 3, 4, '$', 3;\n");
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(queries),
	    cmocka_unit_test(parameters),
	    cmocka_unit_test(scripts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
