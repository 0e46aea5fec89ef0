#include "api/list/list_value.h"

#include "common/base/utf8.h"
#include "common/json/decimal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* --- types --------------------------------------------------------------- */

/* A decimal integer, with or without a minus, of at most 64 bits. */
static bool list_value_is_integer(const char *s, size_t len)
{
	size_t sign = len && s[0] == '-';
	if (len == sign || len - sign > 19)
		return false;
	for (size_t i = sign; i < len; i++) {
		if (s[i] < '0' || s[i] > '9')
			return false;
	}
	errno = 0;
	strtoll(s, NULL, 10);
	return errno == 0;
}

static bool list_value_is_number(
    const struct field *f, const char *s, size_t len)
{
	struct jsonslice v;
	return jsonslice_scan(s, len, &v) && v.s == s && v.len == len &&
	       jsonslice_kind(v) == JSONSLICE_NUMBER &&
	       decimal_fits(v, field_max_digits(f));
}

static bool is_boolean(const char *s, size_t len)
{
	return (len == 4 && memcmp(s, "true", len) == 0) ||
	       (len == 5 && memcmp(s, "false", len) == 0);
}

/* Another text would be an error of the enum type. */
static bool list_value_is_choice(
    struct jsonslice choices, const char *s, size_t len)
{
	struct jsonslice_element e = jsonslice_elements(choices);
	while (jsonslice_each(&e)) {
		if (jsonslice_equals(e.value, s, len))
			return true;
	}
	return false;
}

const char *list_value_fault(
    const struct list_column *column, const char *s, size_t len)
{
	if (!utf8_valid(s, len) || memchr(s, '\0', len))
		return "must be UTF-8, without NUL";
	switch (column->column) {
	case COLUMN_TEXT:
	case COLUMN_CHAR:
		return NULL;
	case COLUMN_BIGINT:
	case COLUMN_INTEGER:
	case COLUMN_SMALLINT:
		return list_value_is_integer(s, len) ? NULL
						     : "must be an integer";
	case COLUMN_NUMERIC:
		return list_value_is_number(column->field, s, len)
			   ? NULL
			   : "must be a number with no more digits than the "
			     "field takes";
	case COLUMN_BOOLEAN:
		return is_boolean(s, len) ? NULL : "must be true or false";
	case COLUMN_TIMESTAMPTZ:
		return format_matches(FORMAT_DATE_TIME, s, len)
			   ? NULL
			   : "must be a date-time as in RFC 3339, of the years "
			     "1 to 9999 in UTC, with an offset below 16:00 (in "
			     "a query, + is written %2B)";
	case COLUMN_TIMESTAMP:
		return format_matches(FORMAT_DATE_TIME_LOCAL, s, len)
			   ? NULL
			   : "must be a date-time without an offset: "
			     "2026-01-31T12:00:00";
	case COLUMN_DATE:
		return format_matches(FORMAT_DATE, s, len)
			   ? NULL
			   : "must be a date: 2026-01-31";
	case COLUMN_TIME:
		return format_matches(FORMAT_TIME_LOCAL, s, len)
			   ? NULL
			   : "must be a time without an offset: 12:00:00";
	case COLUMN_UUID:
		return format_matches(FORMAT_UUID, s, len) ? NULL
							   : "must be a UUID";
	case COLUMN_INET:
		return format_matches(FORMAT_INET, s, len)
			   ? NULL
			   : "must be an address of IPv4 or IPv6: 192.0.2.1";
	case COLUMN_CIDR:
		return format_matches(FORMAT_CIDR, s, len)
			   ? NULL
			   : "must be a network: 192.0.2.0/24";
	case COLUMN_ENUM:
		return list_value_is_choice(column->field->choices, s, len)
			   ? NULL
			   : "must be one of the values of the field's enum";
	case COLUMN_JSONB:
	case COLUMN_BYTEA:
	case COLUMN_ARRAY:
		break;
	}
	return "cannot be compared";
}

/* --- lists --------------------------------------------------------------- */

bool list_value_quoted(const char **at, const char *end, struct buf *out)
{
	const char *s = *at + 1;
	while (s < end && *s != '"') {
		if (*s == '\\' && ++s == end)
			return false;
		buf_char(out, *s++);
	}
	*at = s + 1;
	return s < end;
}

bool list_value_next(
    const char **at, const char *end, struct buf *out, bool *more)
{
	buf_str(out, "");
	if (*at < end && **at == '"') {
		if (!list_value_quoted(at, end, out))
			return false;
	} else {
		while (*at < end && **at != ',' && **at != '"')
			buf_char(out, *(*at)++);
	}
	*more = *at < end;
	return !*more || *(*at)++ == ',';
}

void list_value_quote(struct buf *out, const char *s, size_t len)
{
	buf_char(out, '"');
	for (size_t i = 0; i < len; i++) {
		if (s[i] == '"' || s[i] == '\\')
			buf_char(out, '\\');
		buf_char(out, s[i]);
	}
	buf_char(out, '"');
}

/* --- patterns ------------------------------------------------------------ */

bool list_value_pattern(struct buf *out, const char *s, size_t len)
{
	buf_str(out, "");
	for (size_t i = 0; i < len; i++) {
		if (s[i] == '\\') {
			if (i + 1 == len)
				return false;
			buf_char(out, s[i++]);
			buf_char(out, s[i]);
		} else {
			buf_char(out, s[i] == '*' ? '%' : s[i]);
		}
	}
	return true;
}
