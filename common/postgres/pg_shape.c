#include "common/postgres/pg_shape.h"

#include "common/postgres/pg_binary.h"

#include <string.h>

enum { EPOCH_MOST = (1 << 15) - 1 }; /* common/log/version.h */

static bool is_int8(const PGresult *r, int row, int at, int64_t least)
{
	return PQgetlength(r, row, at) == 8 && pg_int8(r, row, at) >= least;
}

static bool is_int4(const PGresult *r, int row, int at, uint32_t most)
{
	return PQgetlength(r, row, at) == 4 &&
	       (uint32_t)pg_int4(r, row, at) <= most;
}

static bool cell_fits(char type, const PGresult *r, int row, int at)
{
	switch (type) {
	case 'b':
		return PQgetlength(r, row, at) == 1;
	case 'p':
		return is_int4(r, row, at, INT32_MAX);
	case 'e':
		return is_int4(r, row, at, EPOCH_MOST);
	case 'v':
		return is_int8(r, row, at, 0);
	case '8':
		return is_int8(r, row, at, INT64_MIN);
	default:
		return type == 's';
	}
}

static int columns_of(struct pg_shape shape)
{
	int n = 0;
	for (const char *s = shape.columns; *s; s++) {
		if (*s == 'R')
			n += shape.row_columns;
		else if (*s != '?' && *s != '!')
			n++;
	}
	return n;
}

static bool row_fits(struct pg_shape shape, const PGresult *r, int row)
{
	int at = 0;
	for (const char *s = shape.columns; *s && *s != '!'; s++) {
		bool fits = s[1] == '?' && PQgetisnull(r, row, at);
		if (*s == 'R') {
			fits = shape.row_fits(shape.row, r, row, at);
			at += shape.row_columns;
		} else {
			fits = fits || cell_fits(*s, r, row, at);
			at++;
		}
		if (!fits)
			return false;
		s += s[1] == '?';
	}
	return true;
}

bool pg_shape_fits(struct pg_shape shape, const PGresult *r)
{
	if (shape.columns == NULL)
		return true;
	int n = PQntuples(r);
	if (PQresultStatus(r) != PGRES_TUPLES_OK ||
	    PQnfields(r) != columns_of(shape) ||
	    (strchr(shape.columns, '!') && n != 1))
		return false;
	for (int row = 0; row < n; row++) {
		if (!row_fits(shape, r, row))
			return false;
	}
	return true;
}
