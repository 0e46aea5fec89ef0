/* Rows as Postgres sends them. The first byte chooses the collection, the
 * second how they come: `c` as messages of COPY (two bytes of length in front
 * of each), or else as a result, a page of a list (one byte in front of each
 * cell: its length, 255: null). */
#include "tests/fuzz/fuzz.h"

#include "api/list/copy_row.h"
#include "api/list/list_page.h"
#include "api/list/list_sql.h"
#include "common/base/utf8.h"
#include "common/json/jsonslice.h"
#include "common/postgres/pg_shape.h"
#include "common/sql/row_doc.h"
#include "tests/unit/declared.h"

static const char *const names[] = {"samples", "products", "posts", "records"};
enum { NAMES = sizeof names / sizeof names[0], NULL_LEN = 255, ROWS = 3 };

static bool is_json(struct row_doc_cell cell)
{
	struct jsonslice v;
	return jsonslice_scan(cell.s, (size_t)cell.len, &v) &&
	       jsonslice_kind(v) <= JSONSLICE_NULL;
}

/* What Postgres would have sent for such a column. */
static bool is_sound(enum column_type type, struct row_doc_cell cell)
{
	if (cell.len < 0 || type == COLUMN_TIMESTAMPTZ ||
	    type == COLUMN_TIMESTAMP || type == COLUMN_BYTEA)
		return true;
	if (!utf8_valid(cell.s, (size_t)cell.len) ||
	    memchr(cell.s, '\0', (size_t)cell.len))
		return false;
	return column_is_text(type) || type == COLUMN_UUID ||
	       type == COLUMN_DATE || type == COLUMN_TIME || is_json(cell);
}

static bool are_sound(
    const struct collection *c, const struct row_doc_cell *cells)
{
	if (!is_sound(key_column(c), cells[0]))
		return false;
	for (size_t i = 0; i < c->nfields; i++) {
		if (!is_sound(c->fields[i].column, cells[1 + i]))
			return false;
	}
	return true;
}

static void render(const struct collection *c, const struct row_doc_cell *cells)
{
	static const struct selection all;
	struct buf document = {0};
	struct jsonslice v;
	row_doc_write_of(&document, c, &all, cells);
	CHECK(!are_sound(c, cells) ||
	      jsonslice_scan(document.data, document.len, &v));
	buf_free(&document);
}

static void copy(const struct collection *c, struct fuzz in)
{
	struct copy_row stream = {0};
	struct row_doc_cell cells[ROW_DOC_CELLS];
	while (in.len && !stream.trailed) {
		size_t len = fuzz_byte(&in) << 8;
		len |= fuzz_byte(&in);
		if (len > in.len)
			len = in.len;
		char *message = mem_strndup(in.s, len);
		in.s += len;
		in.len -= len;
		bool ok = copy_row_take(&stream, c, message, len, cells);
		if (ok && !stream.trailed)
			render(c, cells);
		free(message);
		if (!ok)
			return;
	}
}

static void fill(PGresult *r, int columns, struct fuzz *in)
{
	for (int row = 0; in->len && row < ROWS; row++) {
		for (int i = 0; i < columns; i++) {
			unsigned n = fuzz_byte(in);
			if (n != NULL_LEN && n > in->len)
				n = (unsigned)in->len;
			char *cell = mem_strndup(in->len ? in->s : "", n % 255);
			CHECK(PQsetvalue(r, row, i, n == NULL_LEN ? NULL : cell,
			    n == NULL_LEN ? -1 : (int)n));
			free(cell);
			if (n == NULL_LEN)
				continue;
			in->s += n;
			in->len -= n;
		}
	}
}

static void page(const struct collection *c, struct fuzz in)
{
	enum { MOST = ROW_DOC_CELLS + LIST_ORDERS + 3 };
	static const version_t as_of[1] = {7};
	char name[] = "n";
	PGresAttDesc columns[MOST] = {{.name = NULL}};
	struct list_query *q = list_query_new(c);
	int n = c->expires ? LIST_SQL_ENDS(q) + 1 : LIST_SQL_FOUND(q) + 2;
	for (int i = 0; i < n; i++)
		columns[i] = (PGresAttDesc){.name = name, .format = 1};
	PGresult *r = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
	CHECK(PQsetResultAttrs(r, n, columns));
	fill(r, n, &in);
	q->limit = 1;
	if (pg_shape_fits(row_doc_shape(list_sql_shape(q), c), r)) {
		struct value *v = list_page_make(q, r, as_of, 1);
		value_unref(&v);
	}
	list_query_unref(&q);
	PQclear(r);
}

int FUZZ_ONE(const uint8_t *data, size_t size)
{
	struct fuzz in = fuzz_of(data, size);
	const struct collection *c = declared(names[fuzz_byte(&in) % NAMES]);
	if (fuzz_byte(&in) == 'c')
		copy(c, in);
	else
		page(c, in);
	return 0;
}
