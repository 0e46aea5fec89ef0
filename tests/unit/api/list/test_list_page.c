/* Pages, made of results that libpq could have: their bytes, their links. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/list/list_cursor.h"
#include "api/list/list_page.h"
#include "api/list/list_sql.h"
#include "common/schema/expiry.h"
#include "tests/unit/declared.h"

#include <arpa/inet.h>
#include <endian.h>
#include <stdlib.h>

enum { PARTITIONS = 2, COLUMNS_MOST = 16 };
static const version_t as_of[PARTITIONS] = {5, 7};

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

/* Rows of `records`, with the keys k0, k1, …; Postgres found so many. */
static PGresult *rows(const struct list_query *q, int n, int64_t found)
{
	int last = LIST_SQL_FOUND(q);
	PGresult *r = result(last + 1);
	for (int i = 0; i < n; i++) {
		char key[16];
		int len = snprintf(key, sizeof key, "k%d", i);
		assert_true(PQsetvalue(r, i, 0, NULL, -1));
		put(r, i, LIST_SQL_ROW(q), key, (size_t)len);
		put(r, i, LIST_SQL_ROW(q) + 1, "v", 1);
		put_int8(r, i, LIST_SQL_ROW(q) + 2, 0);
		put_int8(r, i, LIST_SQL_ROW(q) + 3, 0);
		put_int8(r, i, last, found);
	}
	return r;
}

static struct list_query *query(const char *limit)
{
	struct list_fault fault;
	struct list_query *q = list_query_new(declared("records"));
	assert_true(
	    list_query_add(q, "limit", 5, limit, strlen(limit), &fault));
	assert_true(list_query_finish(q, &fault));
	return q;
}

#define ROW(key)                                                               \
	"{\"key\":\"" key "\",\"value\":\"v\","                                \
	"\"created_at\":\"2000-01-01T00:00:00+00:00\","                        \
	"\"updated_at\":\"2000-01-01T00:00:00+00:00\"}"

/* The page of `n` rows, of which so many were found. Returns owned. */
static struct value *page(
    const char *limit, int n, int64_t found, const char *doc)
{
	struct list_query *q = query(limit);
	PGresult *r = rows(q, n, found);
	struct value *v = list_page_make(q, r, as_of, PARTITIONS);
	assert_string_equal(v->doc, doc);
	assert_int_equal(v->page->n, PARTITIONS);
	assert_int_equal(v->page->as_of[0], 5);
	assert_int_equal(v->page->as_of[1], 7);
	PQclear(r);
	list_query_unref(&q);
	return v;
}

static void is_last(const char *limit, int n, int64_t found, const char *doc)
{
	struct value *v = page(limit, n, found, doc);
	assert_null(v->page->next);
	value_unref(&v);
}

static void the_last_page_has_no_link(void **state)
{
	(void)state;
	is_last("2", 0, 0, "[]");
	is_last("2", 1, 1, "[" ROW("k0") "]");
	is_last("2", 2, 2, "[" ROW("k0") "," ROW("k1") "]");
}

static void as_csv(void **state)
{
	(void)state;
	static const char header[] = "key,value,created_at,updated_at\r\n";
#define TIME "2000-01-01T00:00:00+00:00"
	char etags[2][VALUE_ETAG_LEN];
	for (int n = 0; n < 3; n++) {
		struct list_query *q = query("2");
		PGresult *r = rows(q, n, n);
		struct buf want = {0};
		buf_str(&want, header);
		for (int i = 0; i < n; i++)
			buf_printf(&want, "k%d,v," TIME "," TIME "\r\n", i);
		struct value *json = list_page_make(q, r, as_of, PARTITIONS);
		q->csv = true;
		struct value *v = list_page_make(q, r, as_of, PARTITIONS);
		assert_string_equal(v->doc, want.data);
		assert_memory_equal(v->page->type, "text/csv", 8);
		assert_null(json->page->type);
		value_etag(json, etags[0]);
		value_etag(v, etags[1]);
		assert_string_not_equal(etags[0], etags[1]);
		value_unref(&v);
		value_unref(&json);
		buf_free(&want);
		PQclear(r);
		list_query_unref(&q);
	}
}

/* It begins behind the last row of the page. */
static void links_to(const char *limit, struct value *v, const char *key)
{
	struct list_query *q = query(limit);
	struct list_place place;
	char begin[64], cursor[256] = "";
	int len = snprintf(begin, sizeof begin,
	    "</v1/records?order=key.asc&limit=%s&cursor=", limit);
	assert_non_null(v->page->next);
	assert_memory_equal(v->page->next, begin, (size_t)len);
	assert_int_equal(
	    sscanf(v->page->next + len, "%255[^>]>; rel=\"next\"", cursor), 1);
	assert_non_null(strstr(v->page->next, ">; rel=\"next\""));
	assert_true(list_cursor_read(q, cursor, &place));
	assert_string_equal(place.key, key);
	list_place_free(&place);
	list_query_unref(&q);
	value_unref(&v);
}

static void the_row_that_is_too_many_is_not_told(void **state)
{
	(void)state;
	links_to("2", page("2", 3, 3, "[" ROW("k0") "," ROW("k1") "]"), "k1");
	links_to("1", page("1", 2, 2, "[" ROW("k0") "]"), "k0");
}

/* Of large rows fewer come than were found. */
static void fewer_than_the_limit(void **state)
{
	(void)state;
	links_to("3", page("3", 1, 4, "[" ROW("k0") "]"), "k0");
	links_to("3", page("3", 1, 2, "[" ROW("k0") "]"), "k0");
}

static PGresult *vector(int n, const int32_t *partitions)
{
	PGresult *r = result(2);
	for (int i = 0; i < n; i++) {
		uint32_t be = htonl((uint32_t)partitions[i]);
		put(r, i, 0, &be, sizeof be);
		put_int8(r, i, 1, 100 + partitions[i]);
	}
	return r;
}

static void every_partition_has_a_watermark(void **state)
{
	(void)state;
	static const int32_t all[] = {0, 1, 2}, other[] = {0, 2, 3};
	PGresult *r = vector(3, all);
	version_t *v = list_page_vector(r, 3);
	assert_non_null(v);
	for (int i = 0; i < 3; i++)
		assert_int_equal(v[i], 100 + i);
	free(v);
	assert_null(list_page_vector(r, 2));
	assert_null(list_page_vector(r, 4));
	PQclear(r);
	r = vector(3, other);
	assert_null(list_page_vector(r, 3));
	PQclear(r);
}

static void a_number_alone(void **state)
{
	(void)state;
	PGresult *r = result(1);
	struct list_query *q = list_query_new(declared("records"));
	put_int8(r, 0, 0, 12345678901);
	struct value *v = list_page_make_count(q, r, as_of, PARTITIONS);
	assert_true(v->ends == EXPIRY_NEVER);
	assert_string_equal(v->doc, "{\"count\":12345678901}");
	assert_int_equal(v->page->total, 12345678901);
	assert_false(v->page->preferred);
	assert_int_equal(v->page->n, PARTITIONS);
	assert_null(v->page->next);
	value_unref(&v);
	list_query_unref(&q);
	PQclear(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_last_page_has_no_link),
	    cmocka_unit_test(as_csv),
	    cmocka_unit_test(the_row_that_is_too_many_is_not_told),
	    cmocka_unit_test(fewer_than_the_limit),
	    cmocka_unit_test(a_number_alone),
	    cmocka_unit_test(every_partition_has_a_watermark),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
