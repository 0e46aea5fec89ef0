#include "common/sql/row_doc.h"

#include "common/base/check.h"
#include "common/base/clock.h"
#include "common/json/base64.h"

#include <endian.h>
#include <stdint.h>
#include <string.h>

#define DAY CLOCK_S(86400)
enum { TIME_LEN = 8 };

/* Decimal, with zeros in front up to so many digits. */
static char *put_number(char *at, uint64_t n, int digits)
{
	char text[20];
	int len = 0;
	while (n || len < digits) {
		text[len++] = (char)('0' + n % 10);
		n /= 10;
	}
	while (len)
		*at++ = text[--len];
	return at;
}

/* Of the proleptic Gregorian calendar, from days since 2000-01-01. In eras of
 * 400 years which begin in March, so that a leap day is the last one. */
static void civil(int64_t days, int64_t *year, unsigned *month, unsigned *day)
{
	days += 730425; /* since 0000-03-01 */
	int64_t era = (days >= 0 ? days : days - 146096) / 146097;
	unsigned of_era = (unsigned)(days - era * 146097);
	unsigned y =
	    (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	unsigned of_year = of_era - (365 * y + y / 4 - y / 100);
	unsigned m = (5 * of_year + 2) / 153; /* 0: March */
	*day = of_year - (153 * m + 2) / 5 + 1;
	*month = m < 10 ? m + 3 : m - 9;
	*year = era * 400 + y + (*month <= 2);
}

static char *put_clock(char *at, int64_t us)
{
	int64_t s = us / 1000000, fraction = us % 1000000;
	at = put_number(at, (uint64_t)(s / 3600), 2);
	*at++ = ':';
	at = put_number(at, (uint64_t)(s / 60 % 60), 2);
	*at++ = ':';
	at = put_number(at, (uint64_t)(s % 60), 2);
	if (fraction == 0)
		return at;
	*at++ = '.';
	at = put_number(at, (uint64_t)fraction, 6);
	while (at[-1] == '0')
		at--;
	return at;
}

/* Microseconds since 2000, as Postgres has them. */
static void add_time(
    struct buf *out, struct row_doc_cell cell, const char *offset)
{
	char text[64], *at = text;
	uint64_t be;
	CHECK(cell.len == TIME_LEN); /* row_doc_fits */
	memcpy(&be, cell.s, sizeof be);
	int64_t t = (int64_t)be64toh(be);
	int64_t year, days = t / DAY - (t % DAY < 0);
	int64_t of_day = t % DAY + (t % DAY < 0 ? DAY : 0);
	unsigned month, day;
	if (t == INT64_MAX || t == INT64_MIN) {
		buf_str(out, t > 0 ? "\"infinity\"" : "\"-infinity\"");
		return;
	}
	civil(days, &year, &month, &day);
	*at++ = '"';
	at = put_number(at, (uint64_t)(year > 0 ? year : 1 - year), 4);
	*at++ = '-';
	at = put_number(at, month, 2);
	*at++ = '-';
	at = put_number(at, day, 2);
	*at++ = 'T';
	at = put_clock(at, of_day);
	buf_add(out, text, (size_t)(at - text));
	buf_str(out, offset);
	buf_str(out, year > 0 ? "\"" : " BC\"");
}

/* Not NaN nor an infinity. */
static bool row_doc_is_number(const char *s, size_t len)
{
	size_t sign = len && s[0] == '-';
	return len > sign && s[sign] >= '0' && s[sign] <= '9';
}

static void row_doc_add_bytes(struct buf *out, struct row_doc_cell cell)
{
	buf_char(out, '"');
	base64_encode(out, cell.s, (size_t)cell.len);
	buf_char(out, '"');
}

enum column_type row_doc_column(const struct collection *c, size_t column)
{
	if (column == 0)
		return key_column(c);
	return column <= c->nfields ? c->fields[column - 1].column
				    : COLUMN_TIMESTAMPTZ;
}

/* Booleans, integers and JSON are written as they are. */
void row_doc_value(
    struct buf *out, enum column_type column, struct row_doc_cell cell)
{
	const char *s = cell.s;
	if (cell.len < 0) {
		buf_str(out, "null");
		return;
	}
	size_t len = (size_t)cell.len;
	bool bare = column == COLUMN_BOOLEAN || column == COLUMN_JSONB ||
		    column == COLUMN_ARRAY ||
		    ((column_is_integer(column) || column == COLUMN_NUMERIC) &&
			row_doc_is_number(s, len));
	if (column == COLUMN_TIMESTAMPTZ)
		add_time(out, cell, "+00:00");
	else if (column == COLUMN_TIMESTAMP)
		add_time(out, cell, "");
	else if (column == COLUMN_BYTEA)
		row_doc_add_bytes(out, cell);
	else if (bare)
		buf_add(out, s, len);
	else
		buf_json(out, s, len);
}

static void row_doc_add_member(struct buf *out, const char *name,
    enum column_type column, struct row_doc_cell cell)
{
	buf_str(out, ",\"");
	buf_str(out, name);
	buf_str(out, "\":");
	row_doc_value(out, column, cell);
}

void row_doc_write_of(struct buf *out, const struct collection *c,
    const struct selection *only, const struct row_doc_cell *cells)
{
	size_t begin = out->len, n = c->nfields;
	if (c->nparts == 0 && selection_has(only, 0))
		row_doc_add_member(out, c->key_name, key_column(c), cells[0]);
	for (size_t i = 0; i < n; i++) {
		const struct field *f = &c->fields[i];
		if (selection_has(only, 1 + i))
			row_doc_add_member(out, f->name,
			    f->json_string ? COLUMN_TEXT : f->column,
			    cells[1 + i]);
	}
	if (c->table.times && selection_has(only, n + 1))
		row_doc_add_member(
		    out, "created_at", COLUMN_TIMESTAMPTZ, cells[n + 1]);
	if (c->table.times && selection_has(only, n + 2))
		row_doc_add_member(
		    out, "updated_at", COLUMN_TIMESTAMPTZ, cells[n + 2]);
	out->data[begin] = '{'; /* a selection has a member */
	buf_char(out, '}');
}

static const struct selection row_doc_all;

static bool is_time(struct row_doc_cell cell)
{
	return cell.len < 0 || cell.len == TIME_LEN;
}

bool row_doc_fits(const struct collection *c, const struct row_doc_cell *cells)
{
	const struct row_doc_cell *fields = cells + 1;
	for (size_t i = 0; i < c->nfields; i++) {
		enum column_type column = c->fields[i].column;
		if ((column == COLUMN_TIMESTAMPTZ ||
			column == COLUMN_TIMESTAMP) &&
		    !is_time(fields[i]))
			return false;
	}
	return is_time(fields[c->nfields]) && is_time(fields[c->nfields + 1]);
}

void row_doc_cells(const struct collection *c, const PGresult *r, int row,
    int first, struct row_doc_cell *cells)
{
	for (int i = 0; i < ROW_DOC_COLUMNS(c); i++) {
		cells[i].s = PQgetvalue(r, row, first + i);
		cells[i].len = PQgetisnull(r, row, first + i)
				   ? -1
				   : PQgetlength(r, row, first + i);
	}
}

bool row_doc_fits_at(
    const struct collection *c, const PGresult *r, int row, int first)
{
	struct row_doc_cell cells[ROW_DOC_CELLS];
	row_doc_cells(c, r, row, first, cells);
	return row_doc_fits(c, cells);
}

struct pg_shape row_doc_shape(const char *columns, const struct collection *c)
{
	return (struct pg_shape){
	    .columns = columns,
	    .row = c,
	    .row_columns = ROW_DOC_COLUMNS(c),
	    .row_fits = row_doc_fits_at,
	};
}

void row_doc_add_of(struct buf *out, const struct collection *c,
    const struct selection *only, const PGresult *r, int row, int first)
{
	struct row_doc_cell cells[ROW_DOC_CELLS];
	row_doc_cells(c, r, row, first, cells);
	row_doc_write_of(out, c, only, cells);
}

void row_doc_add(struct buf *out, const struct collection *c, const PGresult *r,
    int row, int first)
{
	row_doc_add_of(out, c, &row_doc_all, r, row, first);
}
