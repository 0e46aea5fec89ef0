/* Groups, made of results that libpq could have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/list/group_page.h"
#include "api/list/list_sql.h"
#include "tests/unit/declared.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMNS_MOST = 16 };

static PGresult *result(int columns)
{
	char name[] = "n";
	PGresAttDesc all[COLUMNS_MOST] = {{.name = NULL}};
	for (int i = 0; i < columns; i++)
		all[i] = (PGresAttDesc){.name = name, .format = 1};
	PGresult *r = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
	assert_true(PQsetResultAttrs(r, columns, all));
	return r;
}

static void put(PGresult *r, int row, int column, const void *s, size_t len)
{
	char copy[64];
	memcpy(copy, s, len);
	assert_true(PQsetvalue(r, row, column, copy, (int)len));
}

static void put_int8(PGresult *r, int row, int column, int64_t v)
{
	uint64_t be = htobe64((uint64_t)v);
	put(r, row, column, &be, sizeof be);
}

/* Rows of `transfers` with the keys g:0, g:1, …; Postgres found so many. */
static PGresult *rows(const struct list_query *q, int n, int64_t found)
{
	int last = LIST_SQL_FOUND(q);
	PGresult *r = result(last + 1);
	for (int i = 0; i < n; i++) {
		char text[16];
		int len = snprintf(text, sizeof text, "%d", 40 + i);
		put(r, i, LIST_SQL_VERSION, text, (size_t)len);
		len = snprintf(text, sizeof text, "g:%d", i);
		put(r, i, LIST_SQL_ROW(q), text, (size_t)len);
		put(r, i, LIST_SQL_ROW(q) + 1, "7", 1);
		put_int8(r, i, LIST_SQL_ROW(q) + 2, 0);
		put_int8(r, i, LIST_SQL_ROW(q) + 3, 0);
		put_int8(r, i, last, found);
	}
	return r;
}

static struct list_query *two_collections(void)
{
	struct list_query *q =
	    list_query_group(declared("transfers"), "g", 1, 2);
	q->also = list_query_group(declared("transfers"), "g", 1, 2);
	return q;
}

#define ROW(key, version)                                                      \
	"{\"key\":\"" key "\",\"version\":\"" version                          \
	"\",\"document\":{\"key\":\"" key "\",\"amount\":7,"                   \
	"\"created_at\":\"2000-01-01T00:00:00+00:00\","                        \
	"\"updated_at\":\"2000-01-01T00:00:00+00:00\"}}"

static void documents_of_each_collection(void **state)
{
	(void)state;
	struct list_query *q = two_collections();
	PGresult *r[] = {rows(q, 2, 2), rows(q, 0, 0)};
	assert_true(group_page_is_whole(q, r));
	struct value *v = group_page_make(q, r, 99);
	assert_string_equal(v->doc,
	    "{\"group\":\"g\",\"collections\":{\"transfers\":[" ROW(
		"g:0", "40") "," ROW("g:1", "41") "],\"transfers\":[]}}");
	assert_int_equal(v->as_of, 99);
	assert_int_equal(v->page->partition, 2);
	value_unref(&v);
	PQclear(r[0]);
	PQclear(r[1]);
	list_query_unref(&q);
}

static void is_whole(int n, int64_t found, int more, bool want)
{
	struct list_query *q = two_collections();
	PGresult *r[] = {rows(q, n, found), rows(q, more, more)};
	assert_int_equal(group_page_is_whole(q, r), want);
	PQclear(r[0]);
	PQclear(r[1]);
	list_query_unref(&q);
}

/* At most so many documents in all collections; none is left out for its size.
 */
static void too_many(void **state)
{
	(void)state;
	is_whole(0, 0, 0, true);
	is_whole(LIST_GROUP, LIST_GROUP, 0, true);
	is_whole(LIST_GROUP + 1, LIST_GROUP + 1, 0, false);
	is_whole(LIST_GROUP - 1, LIST_GROUP - 1, 1, true);
	is_whole(LIST_GROUP - 1, LIST_GROUP - 1, 2, false);
	is_whole(1, 2, 0, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(documents_of_each_collection),
	    cmocka_unit_test(too_many),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
