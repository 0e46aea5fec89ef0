/* The document, byte by byte as row_to_json writes it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/sql/row_doc.h"

#include <endian.h>
#include <stdio.h>
#include <string.h>

enum { COLUMNS = 7 };

static const struct field fields[] = {
    {.name = "text", .nullable = true},
    {.name = "whole",
	.type = FIELD_INTEGER,
	.column = COLUMN_BIGINT,
	.nullable = true},
    {.name = "part",
	.type = FIELD_NUMBER,
	.column = COLUMN_NUMERIC,
	.nullable = true},
};
static const struct collection things = {.name = "things",
    .table = {.times = true},
    .key_name = "key",
    .fields = fields,
    .nfields = 3};

static PGresult *row;

static int begin(void **state)
{
	(void)state;
	char name[] = "n";
	PGresAttDesc columns[COLUMNS] = {{.name = NULL}};
	for (int i = 0; i < COLUMNS; i++)
		columns[i] = (PGresAttDesc){.name = name, .format = 1};
	row = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
	return !PQsetResultAttrs(row, COLUMNS, columns);
}

static int end(void **state)
{
	(void)state;
	PQclear(row);
	return 0;
}

/* NULL: null. */
static void set(int column, const char *text)
{
	char copy[128];
	int len = text ? (int)strlen(text) : -1;
	if (text)
		memcpy(copy, text, (size_t)len);
	assert_true(PQsetvalue(row, 0, column, text ? copy : NULL, len));
}

static void set_time(int column, int64_t t)
{
	uint64_t be = htobe64((uint64_t)t);
	assert_true(PQsetvalue(row, 0, column, (char *)&be, sizeof be));
}

static void is(const char *text)
{
	struct buf b = {0};
	buf_char(&b, '>'); /* it appends */
	assert_int_equal(ROW_DOC_COLUMNS(&things), COLUMNS - 1);
	row_doc_add(&b, &things, row, 0, 1);
	assert_string_equal(b.data + 1, text);
	buf_free(&b);
}

static void whole(void **state)
{
	(void)state;
	set(0, "not of the row");
	set(1, "k");
	set(2, "one");
	set(3, "-12");
	set(4, "1.50");
	set_time(5, 0);
	set_time(6, 1);
	is("{\"key\":\"k\",\"text\":\"one\",\"whole\":-12,\"part\":1.50,"
	   "\"created_at\":\"2000-01-01T00:00:00+00:00\","
	   "\"updated_at\":\"2000-01-01T00:00:00.000001+00:00\"}");
	set(2, NULL);
	set(3, NULL);
	set(4, "NaN");
	is("{\"key\":\"k\",\"text\":null,\"whole\":null,\"part\":\"NaN\","
	   "\"created_at\":\"2000-01-01T00:00:00+00:00\","
	   "\"updated_at\":\"2000-01-01T00:00:00.000001+00:00\"}");
	set(2, "12");
	set(3, "0");
	set(4, "-Infinity");
	is("{\"key\":\"k\",\"text\":\"12\",\"whole\":0,"
	   "\"part\":\"-Infinity\","
	   "\"created_at\":\"2000-01-01T00:00:00+00:00\","
	   "\"updated_at\":\"2000-01-01T00:00:00.000001+00:00\"}");
}

static void strings(void **state)
{
	(void)state;
	set(1, "a\"b\\c/d");
	set(2, "\b\f\n\r\t\x01\x1f\x7f h\xc3\xa9\xf0\x9f\x98\x80 \xe2\x80\xa8");
	set(3, "1");
	set(4, "1");
	set_time(5, 0);
	set_time(6, 0);
	is("{\"key\":\"a\\\"b\\\\c/d\",\"text\":\"\\b\\f\\n\\r\\t"
	   "\\u0001\\u001f\x7f h\xc3\xa9\xf0\x9f\x98\x80 \xe2\x80\xa8\","
	   "\"whole\":1,\"part\":1,"
	   "\"created_at\":\"2000-01-01T00:00:00+00:00\","
	   "\"updated_at\":\"2000-01-01T00:00:00+00:00\"}");
}

static void times(void **state)
{
	(void)state;
	static const struct {
		int64_t at;
		const char *text;
	} table[] = {
	    {-1, "1999-12-31T23:59:59.999999+00:00"},
	    {INT64_C(5097599999999), "2000-02-28T23:59:59.999999+00:00"},
	    {INT64_C(5097600000000), "2000-02-29T00:00:00+00:00"},
	    {INT64_C(5184000000000), "2000-03-01T00:00:00+00:00"},
	    {INT64_C(252540816100000), "2008-01-01T22:13:36.1+00:00"},
	    {INT64_C(252540816000000), "2008-01-01T22:13:36+00:00"},
	    {INT64_C(252540816123450), "2008-01-01T22:13:36.12345+00:00"},
	    /* 1900 and 2100 are no leap years. */
	    {INT64_C(-3150662400000000), "1900-02-28T00:00:00+00:00"},
	    {INT64_C(-3150576000000000), "1900-03-01T00:00:00+00:00"},
	    {INT64_C(3160857600000000), "2100-03-01T00:00:00+00:00"},
	    {INT64_C(252455615999999999), "9999-12-31T23:59:59.999999+00:00"},
	    {INT64_C(252455616000000000), "10000-01-01T00:00:00+00:00"},
	    {INT64_C(-63082281600000000), "0001-01-01T00:00:00+00:00"},
	    {INT64_C(-63082281600000001),
		"0001-12-31T23:59:59.999999+00:00 BC"},
	    {INT64_C(-211813488000000000), "4714-11-24T00:00:00+00:00 BC"},
	    {INT64_C(9223371331199999999),
		"294276-12-31T23:59:59.999999+00:00"},
	    {INT64_MAX, "infinity"},
	    {INT64_MIN, "-infinity"},
	};
	set(1, "k");
	set(2, NULL);
	set(3, NULL);
	set(4, NULL);
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		char text[256];
		set_time(5, table[i].at);
		set_time(6, table[i].at);
		snprintf(text, sizeof text,
		    "{\"key\":\"k\",\"text\":null,\"whole\":null,"
		    "\"part\":null,\"created_at\":\"%s\",\"updated_at\":"
		    "\"%s\"}",
		    table[i].text, table[i].text);
		is(text);
	}
}

static const struct field more_fields[] = {
    {.name = "local", .column = COLUMN_TIMESTAMP, .nullable = true},
    {.name = "bytes", .column = COLUMN_BYTEA, .nullable = true},
    {.name = "day", .column = COLUMN_DATE, .nullable = true},
    {.name = "small",
	.type = FIELD_INTEGER,
	.column = COLUMN_SMALLINT,
	.nullable = true},
};
static const struct collection more_things = {.name = "more",
    .table = {.times = true},
    .key_name = "key",
    .fields = more_fields,
    .nfields = 4};

/* A table of an operator may have none. */
static void without_times(void **state)
{
	static const struct selection all;
	(void)state;
	struct collection c = things;
	struct row_doc_cell cells[ROW_DOC_CELLS];
	struct buf out = {0};
	c.table.times = false;
	for (size_t i = 0; i < ROW_DOC_CELLS; i++)
		cells[i] = (struct row_doc_cell){NULL, -1};
	cells[0] = (struct row_doc_cell){"k", 1};
	assert_true(row_doc_fits(&c, cells));
	row_doc_write_of(&out, &c, &all, cells);
	const char *end = strstr(out.data, "\"part\":null");
	assert_non_null(end);
	assert_string_equal(end, "\"part\":null}");
	buf_free(&out);
}

static void numbers_as_strings(void **state)
{
	static const struct selection all;
	(void)state;
	struct field as[3];
	struct collection c = things;
	struct row_doc_cell cells[ROW_DOC_CELLS] = {{"k", 1}, {"7", 1},
	    {"-12", 3}, {"1.50", 4}, {NULL, -1}, {NULL, -1}};
	struct buf out = {0};
	memcpy(as, fields, sizeof as);
	as[1].json_string = as[2].json_string = true;
	c.fields = as;
	row_doc_write_of(&out, &c, &all, cells);
	assert_non_null(
	    strstr(out.data, "\"whole\":\"-12\",\"part\":\"1.50\""));
	buf_clear(&out);
	cells[2].len = -1;
	cells[3] = (struct row_doc_cell){"NaN", 3};
	row_doc_write_of(&out, &c, &all, cells);
	assert_non_null(strstr(out.data, "\"whole\":null,\"part\":\"NaN\""));
	buf_free(&out);
}

static void more_types(void **state)
{
	static const struct selection all;
	(void)state;
	const char midnight[8] = "";
	const char early[8] = "\xff\xff\xff\xff\xff\xff\xff\xff";
	struct row_doc_cell cells[] = {{"k", 1}, {midnight, 8},
	    {"\x00\xff\xfe", 3}, {"2026-01-31", 10}, {"-7", 2}, {midnight, 8},
	    {early, 8}};
	struct buf b = {0};
	assert_true(row_doc_fits(&more_things, cells));
	row_doc_write_of(&b, &more_things, &all, cells);
	assert_string_equal(b.data,
	    "{\"key\":\"k\",\"local\":\"2000-01-01T00:00:00\","
	    "\"bytes\":\"AP/+\",\"day\":\"2026-01-31\",\"small\":-7,"
	    "\"created_at\":\"2000-01-01T00:00:00+00:00\","
	    "\"updated_at\":\"1999-12-31T23:59:59.999999+00:00\"}");
	buf_clear(&b);
	cells[1].len = cells[2].len = cells[3].len = cells[4].len = -1;
	row_doc_write_of(&b, &more_things, &all, cells);
	assert_non_null(strstr(b.data,
	    "\"local\":null,\"bytes\":null,\"day\":null,\"small\":null"));
	buf_free(&b);
	cells[1].len = 7;
	assert_false(row_doc_fits(&more_things, cells));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(whole, begin, end),
	    cmocka_unit_test_setup_teardown(strings, begin, end),
	    cmocka_unit_test_setup_teardown(times, begin, end),
	    cmocka_unit_test(without_times),
	    cmocka_unit_test(numbers_as_strings),
	    cmocka_unit_test(more_types),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
