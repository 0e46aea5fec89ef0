#include "common/schema/key_parts.h"

#include "common/base/utf8.h"
#include "common/json/decimal.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

/* The part that begins at `at`, to the comma or the end. */
static size_t part_len(const char *at, const char *end)
{
	const char *comma = memchr(at, ',', (size_t)(end - at));
	return (size_t)((comma ? comma : end) - at);
}

/* The characters of a part; it is well encoded. */
static void part_decode(struct buf *out, const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		buf_char(out, s[i] != '%' ? s[i] : s[i + 2] == '5' ? '%' : ',');
		i += s[i] == '%' ? 2 : 0;
	}
}

static bool well_encoded(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (s[i] == '%' &&
		    (len - i < 3 || (memcmp(s + i, "%25", 3) != 0 &&
					memcmp(s + i, "%2C", 3) != 0)))
			return false;
	}
	return true;
}

/* Appends a time as documents have it: in UTC, and a fraction without zeros at
 * its end. It has the format of the field. */
static void part_add_time(
    struct buf *out, const struct field *f, const char *s, size_t len)
{
	static const char day[] = "2000-01-01T";
	bool zone = f->column == COLUMN_TIMESTAMPTZ;
	bool clock = f->column == COLUMN_TIME;
	int64_t us = 0;
	struct buf whole = {0}, text = {0};
	buf_str(&whole, clock ? day : "");
	buf_add(&whole, s, len);
	buf_str(&whole, zone ? "" : "Z");
	format_date_time(whole.data, whole.len, &us);
	format_add_date_time(&text, us);
	size_t from = clock ? sizeof day - 1 : 0, n = text.len - 1; /* no Z */
	while (text.data[n - 1] == '0')
		n--;
	n -= text.data[n - 1] == '.';
	buf_add(out, text.data + from, n - from);
	buf_str(out, zone ? "+00:00" : "");
	buf_free(&whole);
	buf_free(&text);
}

static bool part_is_time(const struct field *f)
{
	return f->column == COLUMN_TIMESTAMPTZ ||
	       f->column == COLUMN_TIMESTAMP || f->column == COLUMN_TIME;
}

/* Is it the only text of the time? */
static bool part_time_valid(const struct field *f, const char *s, size_t len)
{
	struct buf again = {0};
	if (!format_matches(f->format, s, len))
		return false;
	part_add_time(&again, f, s, len);
	bool same = again.len == len && memcmp(again.data, s, len) == 0;
	buf_free(&again);
	return same;
}

static bool part_valid(const struct field *f, const char *s, size_t len)
{
	if (column_is_integer(f->column))
		return collection_is_integer(f->format, s, len);
	if (f->column == COLUMN_UUID)
		return collection_is_uuid(s, len);
	if (f->column == COLUMN_DATE)
		return format_matches(FORMAT_DATE, s, len);
	if (f->column == COLUMN_BOOLEAN)
		return (len == 4 && memcmp(s, "true", len) == 0) ||
		       (len == 5 && memcmp(s, "false", len) == 0);
	if (part_is_time(f))
		return part_time_valid(f, s, len);
	if (f->column == COLUMN_CHAR && len && s[len - 1] == ' ')
		return false;
	return well_encoded(s, len);
}

bool key_parts_may_be(const struct field *f)
{
	return column_is_integer(f->column) || f->column == COLUMN_UUID ||
	       f->column == COLUMN_DATE || f->column == COLUMN_BOOLEAN ||
	       part_is_time(f) || column_is_text(f->column) ||
	       f->column == COLUMN_ENUM;
}

bool key_parts_valid(const struct collection *c, const char *key, size_t len)
{
	const char *at = key, *end = key + len;
	if (len > COLLECTION_KEY_MAX || memchr(key, '\0', len) ||
	    !utf8_valid(key, len))
		return false;
	for (size_t i = 0; i < c->nparts; i++) {
		size_t n = part_len(at, end);
		bool last = at + n == end;
		if (last != (i + 1 == c->nparts) ||
		    !part_valid(c->parts[i], at, n))
			return false;
		at += n + !last;
	}
	return true;
}

void key_parts_json(struct buf *out, const struct collection *c,
    const char *key, size_t len, size_t i)
{
	const char *at = key, *end = key + len;
	struct buf text = {0};
	for (size_t k = 0; k < i; k++)
		at += part_len(at, end) + 1;
	size_t n = part_len(at, end);
	if (c->parts[i]->type != FIELD_STRING) {
		buf_add(out, at, n);
		return;
	}
	buf_str(&text, "");
	part_decode(&text, at, n);
	buf_json(out, text.data, text.len);
	buf_free(&text);
}

void key_parts_add(struct buf *out, const struct field *f, struct jsonslice v)
{
	int64_t n;
	struct buf text = {0};
	if (f->type == FIELD_INTEGER && decimal_int64(v, &n)) {
		buf_printf(out, "%" PRId64, n);
		return;
	}
	if (f->type == FIELD_BOOLEAN) {
		buf_add(out, v.s, v.len);
		return;
	}
	jsonslice_text(&text, v);
	if (part_is_time(f)) {
		part_add_time(out, f, text.data, text.len);
		buf_free(&text);
		return;
	}
	while (f->column == COLUMN_CHAR && text.len &&
	       text.data[text.len - 1] == ' ')
		text.len--;
	for (size_t i = 0; i < text.len; i++) {
		char c = text.data[i];
		if (c == '%' || c == ',')
			buf_str(out, c == '%' ? "%25" : "%2C");
		else if (f->column == COLUMN_UUID)
			buf_char(out, (char)tolower((unsigned char)c));
		else
			buf_char(out, c);
	}
	buf_free(&text);
}
