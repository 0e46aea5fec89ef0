/* Arrays as Postgres reads them, integers as it sends them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/postgres/pg_binary.h"

#include <string.h>

enum { TEXT = 25, INT4 = 23, INT8 = 20 };

static void is(struct buf *b, const char *bytes, size_t len)
{
	assert_int_equal(b->len, len);
	assert_memory_equal(b->data, bytes, len);
	buf_free(b);
}

#define IS(b, bytes) is(b, bytes, sizeof(bytes) - 1)

static void arrays(void **state)
{
	(void)state;
	struct buf b = {0};
	pg_array_begin(&b, TEXT, 0); /* array_send: no dimension at all */
	IS(&b, "\0\0\0\0\0\0\0\0\0\0\0\x19");
	pg_array_begin(&b, TEXT, 3);
	pg_array_text(&b, "ab", 2);
	pg_array_text(&b, "", 0);
	pg_array_text(&b, "h\xc3\xa9", 3);
	IS(&b, "\0\0\0\1\0\0\0\0\0\0\0\x19\0\0\0\3\0\0\0\1"
	       "\0\0\0\2ab\0\0\0\0\0\0\0\3h\xc3\xa9");
	pg_array_begin(&b, INT4, 2);
	pg_array_int4(&b, -2);
	pg_array_int4(&b, 0x01020304);
	IS(&b, "\0\0\0\1\0\0\0\0\0\0\0\x17\0\0\0\2\0\0\0\1"
	       "\0\0\0\4\xff\xff\xff\xfe\0\0\0\4\1\2\3\4");
	pg_array_begin(&b, INT8, 2);
	pg_array_int8(&b, INT64_MIN);
	pg_array_int8(&b, 0x0102030405060708);
	IS(&b, "\0\0\0\1\0\0\0\0\0\0\0\x14\0\0\0\2\0\0\0\1"
	       "\0\0\0\x8\x80\0\0\0\0\0\0\0\0\0\0\x8\1\2\3\4\5\6\7\x8");
}

static void texts(void **state)
{
	(void)state;
	struct buf b = {0};
	pg_array_begin(&b, TEXT, 3);
	pg_array_null(&b);
	size_t open = pg_array_open(&b);
	buf_str(&b, "a");
	buf_str(&b, "bc");
	pg_array_close(&b, open);
	pg_array_close(&b, pg_array_open(&b));
	IS(&b, "\0\0\0\1\0\0\0\0\0\0\0\x19\0\0\0\3\0\0\0\1"
	       "\xff\xff\xff\xff\0\0\0\3abc\0\0\0\0");
}

static void times(void **state)
{
	(void)state;
	struct buf b = {0};
	pg_array_time(&b, INT64_C(946684800000000)); /* 2000-01-01 */
	pg_array_time(&b, INT64_C(946684799999999));
	IS(&b, "\0\0\0\x8\0\0\0\0\0\0\0\0"
	       "\0\0\0\x8\xff\xff\xff\xff\xff\xff\xff\xff");
}

/* A result as libpq has it after a binary query. */
static void columns(void **state)
{
	(void)state;
	static const struct {
		char bytes[9];
		int len;
		int64_t value;
	} table[] = {
	    {"\0\0\0\0\0\0\0\0", 8, 0},
	    {"\1\2\3\4\5\6\7\x8", 8, 0x0102030405060708},
	    {"\xff\xff\xff\xff\xff\xff\xff\xff", 8, -1},
	    {"\x80\0\0\0\0\0\0\0", 8, INT64_MIN},
	    {"\0\0\0\0", 4, 0},
	    {"\1\2\3\4", 4, 0x01020304},
	    {"\xff\xff\xff\xfe", 4, -2},
	    {"\x80\0\0\0", 4, INT32_MIN},
	};
	char name[] = "n";
	PGresAttDesc columns[] = {
	    {.name = name, .format = 1}, {.name = name, .format = 1}};
	PGresult *r = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
	assert_true(PQsetResultAttrs(r, 2, columns));
	for (int i = 0; i < (int)(sizeof table / sizeof *table); i++) {
		char bytes[9];
		memcpy(bytes, table[i].bytes, sizeof bytes);
		assert_true(PQsetvalue(r, i, 1, bytes, table[i].len));
		if (table[i].len == 8)
			assert_true(pg_int8(r, i, 1) == table[i].value);
		else
			assert_true(pg_int4(r, i, 1) == table[i].value);
	}
	PQclear(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(arrays),
	    cmocka_unit_test(texts),
	    cmocka_unit_test(times),
	    cmocka_unit_test(columns),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
