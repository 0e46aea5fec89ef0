/* Messages of a binary COPY: rows, the trailer, and what is neither. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/list/copy_row.h"
#include "common/base/buf.h"
#include "tests/unit/declared.h"

#include <arpa/inet.h>
#include <string.h>

/* Of `records`: key, value, created_at, updated_at. */
enum { COLUMNS = 4 };
#define TIME "\0\0\0\0\0\0\0\7"

static void add_int16(struct buf *b, int v)
{
	uint16_t be = htons((uint16_t)v);
	buf_add(b, (const char *)&be, sizeof be);
}

static void add_int32(struct buf *b, int32_t v)
{
	uint32_t be = htonl((uint32_t)v);
	buf_add(b, (const char *)&be, sizeof be);
}

static void add_header(struct buf *b)
{
	buf_add(b, "PGCOPY\n\377\r\n\0", 11);
	add_int32(b, 0);
	add_int32(b, 0);
}

/* `len` -1: null. */
static void add_cell(struct buf *b, const char *s, int32_t len)
{
	add_int32(b, len);
	if (len > 0)
		buf_add(b, s, (size_t)len);
}

static void add_row(struct buf *b)
{
	add_int16(b, COLUMNS);
	add_cell(b, "key", 3);
	add_cell(b, NULL, -1);
	add_cell(b, TIME, 8);
	add_cell(b, TIME, 8);
}

/* A copy of exactly its size, so that a byte too far is seen. */
static bool take(
    struct copy_row *c, const struct buf *b, struct row_doc_cell *cells)
{
	char *copy = test_malloc(b->len ? b->len : 1);
	if (b->len)
		memcpy(copy, b->data, b->len);
	bool taken = copy_row_take(c, declared("records"), copy, b->len, cells);
	test_free(copy);
	return taken;
}

static void the_first_row_follows_the_header(void **state)
{
	(void)state;
	struct row_doc_cell cells[ROW_DOC_CELLS];
	struct copy_row c = {0};
	struct buf b = {0};
	add_header(&b);
	add_row(&b);
	assert_true(
	    copy_row_take(&c, declared("records"), b.data, b.len, cells));
	assert_true(c.headed);
	assert_false(c.trailed);
	assert_int_equal(cells[0].len, 3);
	assert_memory_equal(cells[0].s, "key", 3);
	assert_int_equal(cells[1].len, -1);
	assert_int_equal(cells[2].len, 8);
	assert_memory_equal(cells[3].s, TIME, 8);
	assert_ptr_equal(cells[3].s + 8, b.data + b.len);
	buf_free(&b);
}

static void other_rows_have_no_header(void **state)
{
	(void)state;
	struct row_doc_cell cells[ROW_DOC_CELLS];
	struct copy_row c = {.headed = true};
	struct buf row = {0}, headed = {0};
	add_row(&row);
	assert_true(take(&c, &row, cells));
	assert_true(take(&c, &row, cells));
	add_header(&headed);
	add_row(&headed);
	assert_false(take(&c, &headed, cells));
	c = (struct copy_row){0};
	assert_false(take(&c, &row, cells));
	assert_false(c.headed);
	buf_free(&row);
	buf_free(&headed);
}

static void nothing_follows_the_trailer(void **state)
{
	(void)state;
	struct row_doc_cell cells[ROW_DOC_CELLS];
	struct copy_row c = {.headed = true};
	struct buf trailer = {0}, row = {0};
	add_int16(&trailer, -1);
	add_row(&row);
	assert_true(take(&c, &trailer, cells));
	assert_true(c.trailed);
	assert_false(take(&c, &row, cells));
	assert_false(take(&c, &trailer, cells));
	c = (struct copy_row){.headed = true};
	buf_char(&trailer, '\0');
	assert_false(take(&c, &trailer, cells));
	buf_free(&trailer);
	buf_free(&row);
}

static void an_empty_table_is_header_and_trailer(void **state)
{
	(void)state;
	struct row_doc_cell cells[ROW_DOC_CELLS];
	struct copy_row c = {0};
	struct buf b = {0};
	add_header(&b);
	add_int16(&b, -1);
	assert_true(take(&c, &b, cells));
	assert_true(c.headed && c.trailed);
	buf_free(&b);
}

static void every_part_of_a_row_is_none(void **state)
{
	(void)state;
	struct row_doc_cell cells[ROW_DOC_CELLS];
	struct buf b = {0};
	add_header(&b);
	add_row(&b);
	for (size_t whole = b.len; b.len-- > 0;) {
		struct copy_row c = {0};
		assert_true(b.len < whole);
		assert_false(take(&c, &b, cells));
	}
	buf_free(&b);
}

static void refused(struct buf *row)
{
	struct row_doc_cell cells[ROW_DOC_CELLS];
	struct copy_row c = {.headed = true};
	assert_false(take(&c, row, cells));
	buf_free(row);
}

static void rows_of_another_shape(void **state)
{
	(void)state;
	struct buf more = {0}, columns = {0}, length = {0}, negative = {0};
	struct buf time = {0};
	add_row(&more);
	buf_char(&more, '\0');
	refused(&more);
	add_row(&columns);
	columns.data[1] = COLUMNS + 1;
	refused(&columns);
	add_row(&length);
	length.data[2] = 0x7f; /* of the key */
	refused(&length);
	add_int16(&negative, COLUMNS);
	add_cell(&negative, NULL, -2);
	add_cell(&negative, "value", 5);
	add_cell(&negative, TIME, 8);
	add_cell(&negative, TIME, 8);
	refused(&negative);
	add_int16(&time, COLUMNS);
	add_cell(&time, "key", 3);
	add_cell(&time, "value", 5);
	add_cell(&time, TIME, 7);
	add_cell(&time, TIME, 8);
	refused(&time);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_first_row_follows_the_header),
	    cmocka_unit_test(other_rows_have_no_header),
	    cmocka_unit_test(nothing_follows_the_trailer),
	    cmocka_unit_test(an_empty_table_is_header_and_trailer),
	    cmocka_unit_test(every_part_of_a_row_is_none),
	    cmocka_unit_test(rows_of_another_shape),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
