/* Rows as CSV: what is quoted, null and the empty string, every type, the order
 * of the columns. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/sql/row_csv.h"

#include <string.h>

static const struct field fields[] = {
    {.name = "text", .column = COLUMN_TEXT, .nullable = true},
    {.name = "n", .column = COLUMN_NUMERIC, .nullable = true},
    {.name = "flag", .column = COLUMN_BOOLEAN, .nullable = true},
    {.name = "tree", .column = COLUMN_JSONB, .nullable = true},
    {.name = "local", .column = COLUMN_TIMESTAMP, .nullable = true},
    {.name = "bytes", .column = COLUMN_BYTEA, .nullable = true},
};
static const struct collection things = {.name = "things",
    .table = {.times = true},
    .key_name = "key",
    .fields = fields,
    .nfields = sizeof fields / sizeof fields[0]};
static const struct selection all;
static const char midnight[8] = "";

static void is_row(
    const struct selection *only, struct row_doc_cell *cells, const char *want)
{
	struct buf b = {0};
	assert_true(row_doc_fits(&things, cells));
	row_csv_write(&b, &things, only, cells);
	assert_string_equal(b.data, want);
	buf_free(&b);
}

static void is_text(const char *s, size_t len, const char *want)
{
	struct selection text;
	struct row_doc_cell cells[] = {{"k", 1}, {s, (int)len}, {"1", 1},
	    {"true", 4}, {"{}", 2}, {midnight, 8}, {"", 0}, {midnight, 8},
	    {midnight, 8}};
	assert_null(selection_take(&text, &things, "text,n", 6));
	is_row(&text, cells, want);
}

static void texts(void **state)
{
	(void)state;
	is_text("a", 1, "a,1\r\n");
	is_text("", 0, "\"\",1\r\n");
	is_text("a b", 3, "a b,1\r\n");
	is_text(" a ", 3, " a ,1\r\n");
	is_text("a,b", 3, "\"a,b\",1\r\n");
	is_text("a;b'", 4, "a;b',1\r\n");
	is_text("\"", 1, "\"\"\"\",1\r\n");
	is_text("a\"b\"", 4, "\"a\"\"b\"\"\",1\r\n");
	is_text("\n", 1, "\"\n\",1\r\n");
	is_text("a\r", 2, "\"a\r\",1\r\n");
	is_text("a\tb\\", 4, "a\tb\\,1\r\n");
	is_text("\xc3\xa9", 2, "\xc3\xa9,1\r\n");
	is_text("null", 4, "null,1\r\n");
	is_text("=1+1", 4, "=1+1,1\r\n"); /* docs/http.md */
}

static void types(void **state)
{
	(void)state;
	struct row_doc_cell cells[] = {{"a,b", 3}, {"t", 1}, {"-1.50", 5},
	    {"true", 4}, {"{\"a\": [1, null]}", 16}, {midnight, 8},
	    {"\x00\xff\xfe", 3}, {midnight, 8}, {midnight, 8}};
	is_row(&all, cells,
	    "\"a,b\",t,-1.50,true,\"{\"\"a\"\": [1, null]}\","
	    "2000-01-01T00:00:00,AP/+,2000-01-01T00:00:00+00:00,"
	    "2000-01-01T00:00:00+00:00\r\n");
	cells[6].len = 0;
	cells[2] = (struct row_doc_cell){"NaN", 3};
	is_row(&all, cells,
	    "\"a,b\",t,NaN,true,\"{\"\"a\"\": [1, null]}\","
	    "2000-01-01T00:00:00,\"\",2000-01-01T00:00:00+00:00,"
	    "2000-01-01T00:00:00+00:00\r\n");
	for (int i = 1; i <= 6; i++)
		cells[i].len = -1;
	is_row(&all, cells,
	    "\"a,b\",,,,,,,2000-01-01T00:00:00+00:00,"
	    "2000-01-01T00:00:00+00:00\r\n");
}

static void is_header(const char *names, const char *want)
{
	struct buf b = {0};
	struct selection only;
	assert_null(selection_take(&only, &things, names, strlen(names)));
	row_csv_header(&b, &things, &only);
	assert_string_equal(b.data, want);
	buf_free(&b);
}

static void headers(void **state)
{
	(void)state;
	is_header(
	    "*", "key,text,n,flag,tree,local,bytes,created_at,updated_at\r\n");
	is_header("text", "text\r\n");
	is_header("updated_at,text,key", "updated_at,text,key\r\n");
	is_header("n,text,n", "n,text\r\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(texts),
	    cmocka_unit_test(types),
	    cmocka_unit_test(headers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
