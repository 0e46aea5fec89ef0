#include "api/list/list_page.h"

#include "api/list/list_cursor.h"
#include "api/list/list_sql.h"
#include "common/base/mem.h"
#include "common/postgres/pg_binary.h"
#include "common/schema/expiry.h"
#include "common/sql/row_csv.h"
#include "common/sql/row_doc.h"

#include <inttypes.h>
#include <stdlib.h>

version_t *list_page_vector(const PGresult *r, int32_t partitions)
{
	if (PQntuples(r) != partitions)
		return NULL;
	version_t *v = mem_alloc((size_t)partitions * sizeof *v);
	for (int i = 0; i < partitions; i++) {
		if (pg_int4(r, i, 0) != i) {
			free(v);
			return NULL;
		}
		v[i] = (version_t)pg_int8(r, i, 1);
	}
	return v;
}

wall_us_t list_page_ends(
    const struct list_query *q, const PGresult *r, int column)
{
	if (q->collection->expires == NULL || PQntuples(r) == 0 ||
	    PQgetisnull(r, 0, column))
		return EXPIRY_NEVER;
	return pg_int8(r, 0, column);
}

/* The link to the next page, relative to the list itself (RFC 8288). */
static char *next_link(
    const struct list_query *q, const PGresult *rows, int last)
{
	struct buf b = {0};
	int row = LIST_SQL_ROW(q);
	struct list_place at = {
	    .key = PQgetvalue(rows, last, row),
	    .key_len = (size_t)PQgetlength(rows, last, row),
	};
	for (int i = 0; i < row; i++)
		at.values[i] = (struct list_place_value){
		    .is_null = PQgetisnull(rows, last, i),
		    .value = PQgetvalue(rows, last, i),
		    .value_len = (size_t)PQgetlength(rows, last, i),
		};
	buf_str(&b, "</v1/");
	list_query_link(&b, q);
	buf_printf(&b, "&limit=%u&cursor=", q->limit);
	list_cursor_write(&b, q, &at);
	buf_str(&b, ">; rel=\"next\"");
	return buf_take(&b, NULL);
}

static void list_page_rows(
    struct buf *out, const struct list_query *q, const PGresult *rows, int n)
{
	buf_char(out, '[');
	for (int i = 0; i < n; i++) {
		if (i)
			buf_char(out, ',');
		row_doc_add_of(
		    out, q->collection, &q->only, rows, i, LIST_SQL_ROW(q));
	}
	buf_char(out, ']');
}

static void list_page_csv(
    struct buf *out, const struct list_query *q, const PGresult *rows, int n)
{
	struct row_doc_cell cells[ROW_DOC_CELLS];
	row_csv_header(out, q->collection, &q->only);
	for (int i = 0; i < n; i++) {
		row_doc_cells(q->collection, rows, i, LIST_SQL_ROW(q), cells);
		row_csv_write(out, q->collection, &q->only, cells);
	}
}

struct value *list_page_make(const struct list_query *q, const PGresult *rows,
    const version_t *as_of, int32_t partitions)
{
	struct buf doc = {0};
	int n = PQntuples(rows);
	int64_t found = n ? pg_int8(rows, 0, LIST_SQL_FOUND(q)) : 0;
	if (n > (int)q->limit)
		n = (int)q->limit;
	(q->csv ? list_page_csv : list_page_rows)(&doc, q, rows, n);
	char *next = n && found > n ? next_link(q, rows, n - 1) : NULL;
	struct value *v =
	    value_page_new(doc.data, doc.len, next, as_of, (size_t)partitions);
	if (q->csv)
		value_page_as(v, ROW_CSV_TYPE);
	value_end_by(v, list_page_ends(q, rows, LIST_SQL_ENDS(q)));
	free(next);
	buf_free(&doc);
	return v;
}

void list_page_add_count(
    struct value *v, const struct list_query *q, const PGresult *count)
{
	value_page_count(v, pg_int8(count, 0, LIST_SQL_COUNT), true);
	value_end_by(v, list_page_ends(q, count, LIST_SQL_COUNT_ENDS));
}

struct value *list_page_make_count(const struct list_query *q,
    const PGresult *count, const version_t *as_of, int32_t partitions)
{
	struct buf doc = {0};
	int64_t n = pg_int8(count, 0, LIST_SQL_COUNT);
	buf_printf(&doc, "{\"count\":%" PRId64 "}", n);
	struct value *v =
	    value_page_new(doc.data, doc.len, NULL, as_of, (size_t)partitions);
	value_page_count(v, n, false);
	value_end_by(v, list_page_ends(q, count, LIST_SQL_COUNT_ENDS));
	buf_free(&doc);
	return v;
}
