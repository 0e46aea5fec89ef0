#include "common/sql/row_csv.h"

#include <string.h>

static bool needs_quotes(const char *s, size_t len)
{
	if (len == 0) /* without quotes it would be null */
		return true;
	for (size_t i = 0; i < len; i++) {
		if (s[i] == '"' || s[i] == ',' || s[i] == '\r' || s[i] == '\n')
			return true;
	}
	return false;
}

static void row_csv_text(struct buf *out, const char *s, size_t len)
{
	if (!needs_quotes(s, len)) {
		buf_add(out, s, len);
		return;
	}
	buf_char(out, '"');
	while (len) {
		const char *quote = memchr(s, '"', len);
		size_t n = quote ? (size_t)(quote - s) + 1 : len;
		buf_add(out, s, n);
		if (quote)
			buf_char(out, '"');
		s += n;
		len -= n;
	}
	buf_char(out, '"');
}

/* Of these, the JSON form is made from a binary cell. It is a string without
 * escapes. */
static bool row_csv_is_made(enum column_type column)
{
	return column == COLUMN_TIMESTAMPTZ || column == COLUMN_TIMESTAMP ||
	       column == COLUMN_BYTEA;
}

static void row_csv_value(
    struct buf *out, enum column_type column, struct row_doc_cell cell)
{
	if (cell.len < 0)
		return;
	if (!row_csv_is_made(column)) {
		row_csv_text(out, cell.s, (size_t)cell.len);
		return;
	}
	struct buf text = {0};
	row_doc_value(&text, column, cell);
	row_csv_text(out, text.data + 1, text.len - 2);
	buf_free(&text);
}

void row_csv_header(
    struct buf *out, const struct collection *c, const struct selection *only)
{
	for (size_t i = 0; i < selection_count(only, c); i++)
		buf_printf(out, "%s%s", i ? "," : "",
		    selection_name(c, selection_at(only, c, i)));
	buf_str(out, "\r\n");
}

void row_csv_write(struct buf *out, const struct collection *c,
    const struct selection *only, const struct row_doc_cell *cells)
{
	for (size_t i = 0; i < selection_count(only, c); i++) {
		size_t at = selection_at(only, c, i);
		buf_str(out, i ? "," : "");
		row_csv_value(out, row_doc_column(c, at), cells[at]);
	}
	buf_str(out, "\r\n");
}
