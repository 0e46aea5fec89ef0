/* Parameters in binary, and the room for them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/postgres/pg_params.h"

#include <string.h>

static void is_param(const struct pg_query *q, int i, const char *want, int len)
{
	assert_int_equal(q->lengths[i], len);
	assert_int_equal(q->formats[i], 1);
	assert_non_null(q->values[i]); /* else it would be null */
	assert_memory_equal(q->values[i], want, (size_t)len);
}

static void values_are_big_endian(void **state)
{
	(void)state;
	struct pg_params c = {.sql = "SELECT", .tried = true};
	pg_params_int4(&c, 0x01020304);
	pg_params_int4(&c, -2);
	pg_params_int8(&c, 0x0102030405060708);
	pg_params_int8(&c, UINT64_MAX);
	pg_params_text(&c, "text");
	pg_params_text(&c, "");
	buf_add(pg_params_param(&c), "a\0b", 3);
	assert_null(pg_params_param(&c)->data);
	struct pg_query q = pg_params_query(&c);
	assert_string_equal(q.sql, "SELECT");
	assert_int_equal(q.nparams, 8);
	assert_int_equal(q.result_format, 1);
	assert_true(q.tried);
	is_param(&q, 0, "\1\2\3\4", 4);
	is_param(&q, 1, "\377\377\377\376", 4);
	is_param(&q, 2, "\1\2\3\4\5\6\7\10", 8);
	is_param(&q, 3, "\377\377\377\377\377\377\377\377", 8);
	is_param(&q, 4, "text", 4);
	is_param(&q, 5, "", 0);
	is_param(&q, 6, "a\0b", 3);
	is_param(&q, 7, "", 0);
	pg_params_free(&c);
}

static void a_parameter_stays_where_it_is(void **state)
{
	(void)state;
	struct pg_params c = {.sql = "SELECT", .room = 40};
	struct buf *first = pg_params_param(&c);
	for (int i = 1; i < 40; i++)
		pg_params_int4(&c, i);
	buf_str(first, "later");
	struct pg_query q = pg_params_query(&c);
	assert_int_equal(q.nparams, 40);
	is_param(&q, 0, "later", 5);
	is_param(&q, 39, "\0\0\0\47", 4);
	pg_params_free(&c);
}

static void of_no_parameters(void **state)
{
	(void)state;
	struct pg_params c = {.sql = "SELECT 1"};
	struct pg_query q = pg_params_query(&c);
	assert_int_equal(q.nparams, 0);
	assert_false(q.tried);
	pg_params_free(&c);
	assert_null(c.sql);
}

static void is_as_new_when_freed(void **state)
{
	(void)state;
	struct pg_params c = {.room = 1};
	for (int i = 0; i < 2; i++) {
		pg_params_int4(&c, 7);
		assert_int_equal(pg_params_query(&c).nparams, 1);
		pg_params_free(&c);
		assert_int_equal(c.n, 0);
		assert_int_equal(c.room, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(values_are_big_endian),
	    cmocka_unit_test(a_parameter_stays_where_it_is),
	    cmocka_unit_test(of_no_parameters),
	    cmocka_unit_test(is_as_new_when_freed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
