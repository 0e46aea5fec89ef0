#include "common/sql/rendered.h"

#include "common/base/ascii_scan.h"
#include "common/json/jsonstring.h"

#include <string.h>

enum {
	BEYOND = 1000000, /* an exponent that no column takes */
	TIMES = 80,	  /* created_at and updated_at, with their names */
	LONGEST = 40,	  /* of a boolean, an integer, a time, a uuid */
	ADDRESS = 56,	  /* of IPv6, with an IPv4 within, and its bits */
};

static bool rendered_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static long exponent(const char *s, const char *end)
{
	bool negative = s < end && *s == '-';
	long e = 0;
	for (s += s < end && !rendered_is_digit(*s);
	     s < end && rendered_is_digit(*s); s++) {
		if (e < BEYOND)
			e = e * 10 + (*s - '0');
	}
	return negative ? -e : e;
}

/* The length of a number as numeric renders it: sign, digits and point, without
 * an exponent, and without leading zeros except one before the point. */
static size_t rendered_number(const char *s, size_t len)
{
	const char *at = s, *end = s + len;
	long before = 0, behind = 0, zeros = 0;
	bool point = false, zero = true;
	for (; at < end && *at != 'e' && *at != 'E'; at++) {
		point = point || *at == '.';
		before += !point && rendered_is_digit(*at);
		behind += point && rendered_is_digit(*at);
		zero = zero && (!rendered_is_digit(*at) || *at == '0');
		zeros += zero && *at == '0';
	}
	long e = at < end ? exponent(at + 1, end) : 0;
	before += e - zeros;
	before = !zero && before > 0 ? before : 1;
	behind = behind - e > 0 ? behind - e : 0;
	return (size_t)(before + behind) + 2;
}

static size_t string_len(const char *s, const char *end)
{
	const char *at = s + 1;
	while (at < end && *at != '"') {
		if (*at == '\\')
			at += 2;
		else
			at += 1 +
			      ascii_scan_plain(at + 1, (size_t)(end - at - 1));
	}
	return (size_t)(at + 1 - s);
}

/* The length of one character of n bytes in JSON; few are escaped. */
static size_t escaped(const char *c, size_t n)
{
	if (n > 1 || (unsigned char)*c >= ' ')
		return n + (*c == '"' || *c == '\\');
	return memchr("\b\f\n\r\t", *c, 5) ? 2 : 6;
}

static size_t string(struct jsonslice v)
{
	struct jsonstring t = jsonstring_of(v);
	size_t out = 2;
	while (t.p < t.end) {
		size_t left = (size_t)(t.end - t.p);
		const char *escape = memchr(t.p, '\\', left);
		size_t plain = escape ? (size_t)(escape - t.p) : left;
		char bytes[4] = "";
		t.p += plain;
		out += plain;
		if (escape)
			out += escaped(bytes, jsonstring_next(&t, bytes));
	}
	return out;
}

static size_t number_len(const char *s, const char *end)
{
	const char *at = s;
	while (at < end && (rendered_is_digit(*at) || memchr("+-.eE", *at, 5)))
		at++;
	return (size_t)(at - s);
}

size_t rendered_json(struct jsonslice v)
{
	const char *at = v.s, *end = v.s + v.len;
	size_t out = 0;
	while (at < end) {
		size_t len = 1, size = 1;
		if (*at == '"') {
			len = string_len(at, end);
			size = string((struct jsonslice){at, len});
		} else if (*at == '-' || rendered_is_digit(*at)) {
			len = number_len(at, end);
			size = rendered_number(at, len);
		} else if (*at == ',' || *at == ':') {
			size = 2;
		} else if (memchr(" \t\r\n", *at, 4)) {
			size = 0;
		}
		at += len;
		out += size;
	}
	return out;
}

static size_t rendered_value(const struct field *f, struct jsonslice v);

static size_t rendered_items(const struct field *item, struct jsonslice v)
{
	size_t out = 2;
	if (jsonslice_kind(v) != JSONSLICE_ARRAY)
		return LONGEST;
	struct jsonslice_element e = jsonslice_elements(v);
	while (jsonslice_each(&e))
		out += 2 + rendered_value(item, e.value);
	return out;
}

static size_t rendered_value(const struct field *f, struct jsonslice v)
{
	v = field_bare(f, v);
	if (v.s == NULL)
		return LONGEST;
	switch (f->column) {
	case COLUMN_TEXT:
	case COLUMN_CHAR:
	case COLUMN_JSONB:
	case COLUMN_NUMERIC:
	case COLUMN_BYTEA:
	case COLUMN_ENUM:
		return rendered_json(v) + 2;
	case COLUMN_ARRAY:
		return rendered_items(f->items, v);
	case COLUMN_INET:
	case COLUMN_CIDR:
		return ADDRESS;
	case COLUMN_BIGINT:
	case COLUMN_INTEGER:
	case COLUMN_SMALLINT:
	case COLUMN_BOOLEAN:
	case COLUMN_TIMESTAMPTZ:
	case COLUMN_TIMESTAMP:
	case COLUMN_DATE:
	case COLUMN_TIME:
	case COLUMN_UUID:
		break;
	}
	return LONGEST;
}

/* Each byte of the key may become \u0001. */
static size_t frame(const struct collection *c, size_t key_len)
{
	return strlen(c->key_name) + 6 * key_len + 8 + TIMES;
}

size_t rendered_row(
    const struct collection *c, size_t key_len, const struct jsonslice *values)
{
	size_t out = frame(c, key_len);
	for (size_t i = 0; i < c->nfields; i++)
		out += strlen(c->fields[i].name) + 4 +
		       (c->fields[i].read_only || c->fields[i].in_key
			       ? LONGEST
			       : rendered_value(&c->fields[i], values[i]));
	return out;
}

size_t rendered_document(
    const struct collection *c, size_t key_len, struct jsonslice object)
{
	struct jsonslice values[COLLECTION_FIELDS] = {0};
	struct jsonslice_member m = jsonslice_members(object);
	for (size_t i = 0; i < c->nfields; i++)
		values[i] = c->fields[i].otherwise;
	while (jsonslice_next(&m)) {
		size_t i = collection_field(c, m.name);
		if (i < c->nfields)
			values[i] = m.value;
	}
	return rendered_row(c, key_len, values);
}
