#include "api/list/list_cursor.h"

#include "common/access/base64url.h"
#include "common/base/check.h"
#include "common/base/mem.h"
#include "common/base/utf8.h"

#include <stdint.h>
#include <string.h>
#include <xxhash.h>

enum { FORMAT = 1, MOST = 16384 };
enum kind { KIND_KEY, KIND_NULL, KIND_VALUE, KIND_LONG };
/* VALUE_MOST is the longest value in a cursor. Every number with 2000 digits on
 * either side of the point fits, and every string of 500 characters. KEPT bytes
 * of a longer string are kept. */
/* Maximum of digits before the point of a numeric. */
enum { NUMERIC_DIGITS = 131072 };
enum { VALUE_MOST = 4100, KEPT = 1000 };
enum { BOUND_AT = 1, PLACE_AT = 9, CHECK_LEN = 4 };

/* --- numbers ------------------------------------------------------------- */

static void list_cursor_put(struct buf *out, uint64_t n, int bytes)
{
	while (bytes--)
		buf_char(out, (char)(n >> 8 * bytes));
}

static uint64_t list_cursor_get(const char *s, int bytes)
{
	uint64_t n = 0;
	while (bytes--)
		n = n << 8 | (unsigned char)*s++;
	return n;
}

static uint64_t bound_to(const struct list_query *q)
{
	struct buf text = {0};
	list_query_text(&text, q);
	uint64_t hash = XXH3_64bits(text.data, text.len);
	buf_free(&text);
	return hash;
}

static uint64_t checksum(const char *s, size_t len)
{
	return XXH3_64bits(s, len) & UINT32_MAX;
}

/* ------------------------------------------------------------------------- */

/* Several values share the room that one has. */
static enum kind list_cursor_kind_of(
    const struct list_query *q, const struct list_place_value *v)
{
	if (list_query_by_key(q))
		return KIND_KEY;
	if (v->is_null)
		return KIND_NULL;
	return v->value_len > VALUE_MOST / q->norders ? KIND_LONG : KIND_VALUE;
}

/* --- values that are too long -------------------------------------------- */

/* A bound for a long string: its beginning. Descending: a string that follows
 * every string with this beginning. */
static void text_bound(
    struct buf *out, bool descending, const struct list_place_value *v)
{
	buf_add(out, v->value, utf8_prefix(v->value, KEPT));
	if (descending)
		buf_str(out, "\xf4\x8f\xbf\xbf"); /* the last character */
}

/* A bound for a long number: a power of ten that is at most the number;
 * descending, at least the number. */
static void number_bound(
    struct buf *out, bool descending, const struct list_place_value *v)
{
	bool negative = v->value[0] == '-';
	size_t digits = strspn(v->value + negative, "0123456789");
	bool larger = negative != descending; /* compares absolute values */
	if (v->value[negative] == '0')
		digits = 0;
	buf_str(out, negative ? "-" : "");
	if (larger && digits >= NUMERIC_DIGITS)
		buf_str(out, "Infinity");
	else if (larger)
		buf_printf(out, "1e%zu", digits);
	else if (digits)
		buf_printf(out, "1e%zu", digits - 1);
	else
		buf_str(out, "0");
}

static void put_long(struct buf *out, const struct list_order *o,
    const struct list_place_value *v)
{
	struct buf bound = {0};
	if (o->column->column == COLUMN_NUMERIC)
		number_bound(&bound, o->descending, v);
	else
		text_bound(&bound, o->descending, v);
	list_cursor_put(out, v->value_len, 4);
	list_cursor_put(out, bound.len, 4);
	buf_add(out, bound.data, bound.len);
	buf_free(&bound);
}

/* ------------------------------------------------------------------------- */

static void put_value(struct buf *out, const struct list_query *q, size_t i,
    const struct list_place_value *v)
{
	enum kind kind = list_cursor_kind_of(q, v);
	buf_char(out, (char)kind);
	if (kind == KIND_VALUE) {
		list_cursor_put(out, v->value_len, 4);
		buf_add(out, v->value, v->value_len);
	} else if (kind == KIND_LONG) {
		put_long(out, &q->orders[i], v);
	}
}

void list_cursor_write(
    struct buf *out, const struct list_query *q, const struct list_place *at)
{
	struct buf b = {0};
	buf_char(&b, FORMAT);
	list_cursor_put(&b, bound_to(q), 8);
	for (size_t i = 0; i < q->norders; i++)
		put_value(&b, q, i, &at->values[i]);
	buf_add(&b, at->key, at->key_len);
	list_cursor_put(&b, checksum(b.data, b.len), CHECK_LEN);
	base64url_encode(out, b.data, b.len);
	buf_free(&b);
}

static bool list_cursor_text(const char *s, size_t len)
{
	return utf8_valid(s, len) && memchr(s, '\0', len) == NULL;
}

static bool list_cursor_take_length(const char **s, size_t *len, size_t *out)
{
	if (*len < 4)
		return false;
	*out = (size_t)list_cursor_get(*s, 4);
	*s += 4;
	*len -= 4;
	return true;
}

static bool take_value(const struct list_query *q, const char **s, size_t *len,
    struct list_place_value *out)
{
	if (*len == 0)
		return false;
	unsigned kind = (unsigned char)*(*s)++;
	(*len)--;
	if ((kind == KIND_KEY) != list_query_by_key(q) || kind > KIND_LONG)
		return false;
	out->is_null = kind == KIND_NULL;
	if (kind == KIND_LONG &&
	    !list_cursor_take_length(s, len, &out->long_len))
		return false;
	if (kind != KIND_VALUE && kind != KIND_LONG)
		return true;
	if (!list_cursor_take_length(s, len, &out->value_len) ||
	    out->value_len > *len)
		return false;
	out->value = mem_strndup(*s, out->value_len);
	*s += out->value_len;
	*len -= out->value_len;
	return list_cursor_text(out->value, out->value_len);
}

/* Parses what is between the head and the checksum. */
static bool list_cursor_take_place(const struct list_query *q, const char *s,
    size_t len, struct list_place *out)
{
	for (size_t i = 0; i < q->norders; i++) {
		if (!take_value(q, &s, &len, &out->values[i]))
			return false;
	}
	out->key = mem_strndup(s, len);
	out->key_len = len;
	return collection_key_valid(q->collection, out->key, len) &&
	       list_cursor_text(out->key, len);
}

bool list_cursor_read(
    const struct list_query *q, const char *s, struct list_place *out)
{
	struct buf b = {0};
	*out = (struct list_place){.key = NULL};
	bool ok = strlen(s) <= MOST && base64url_decode(&b, s, strlen(s)) &&
		  b.len > PLACE_AT + CHECK_LEN && b.data[0] == FORMAT;
	size_t end = b.len - CHECK_LEN;
	ok =
	    ok &&
	    list_cursor_get(b.data + end, CHECK_LEN) == checksum(b.data, end) &&
	    list_cursor_get(b.data + BOUND_AT, 8) == bound_to(q) &&
	    list_cursor_take_place(q, b.data + PLACE_AT, end - PLACE_AT, out);
	buf_free(&b);
	return ok;
}
