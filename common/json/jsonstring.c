#include "common/json/jsonstring.h"

#include "common/base/buf.h"
#include "common/base/hash.h"
#include "common/json/jsonslice.h"

#include <string.h>

static int jsonstring_hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The four digits of \uXXXX; -1: there are no four digits. */
static int32_t take_unit(const char **p, const char *end)
{
	int32_t unit = 0;
	if (end - *p < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		int digit = jsonstring_hex_digit(*(*p)++);
		if (digit < 0)
			return -1;
		unit = unit * 16 + digit;
	}
	return unit;
}

int32_t jsonstring_point(const char **p, const char *end)
{
	int32_t high = take_unit(p, end);
	if (high < 0xd800 || high > 0xdfff)
		return high > 0 ? high : -1;
	if (high >= 0xdc00 || end - *p < 2 || (*p)[0] != '\\' || (*p)[1] != 'u')
		return -1;
	*p += 2;
	int32_t low = take_unit(p, end);
	if (low < 0xdc00 || low > 0xdfff)
		return -1;
	return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
}

static size_t put_utf8(char out[4], int32_t c)
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	for (size_t i = n - 1; i > 0; i--, c >>= 6)
		out[i] = (char)(0x80 | (c & 0x3f));
	static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
	out[0] = (char)(lead[n] | c);
	return n;
}

struct jsonstring jsonstring_of(struct jsonslice string)
{
	return (struct jsonstring){string.s + 1, string.s + string.len - 1};
}

size_t jsonstring_next(struct jsonstring *t, char out[4])
{
	static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
	if (t->p >= t->end)
		return 0;
	out[0] = *t->p++;
	if (out[0] == '\\') {
		char c = *t->p++;
		if (c == 'u')
			return put_utf8(out, jsonstring_point(&t->p, t->end));
		const char *at = strchr(from, c);
		out[0] = at ? to[at - from] : c;
		return 1;
	}
	size_t n = 1;
	while (t->p < t->end && ((unsigned char)*t->p & 0xc0) == 0x80 && n < 4)
		out[n++] = *t->p++;
	return n;
}

static bool jsonstring_is_plain(struct jsonslice string)
{
	return memchr(string.s, '\\', string.len) == NULL;
}

static int compare_plain(struct jsonslice a, struct jsonslice b)
{
	size_t n = a.len < b.len ? a.len : b.len;
	int order = memcmp(a.s + 1, b.s + 1, n - 2);
	return order ? order : (a.len > b.len) - (a.len < b.len);
}

int jsonstring_compare(struct jsonslice a, struct jsonslice b)
{
	if (jsonstring_is_plain(a) && jsonstring_is_plain(b))
		return compare_plain(a, b);
	struct jsonstring x = jsonstring_of(a), y = jsonstring_of(b);
	char left[4], right[4];
	size_t n, m;
	do {
		n = jsonstring_next(&x, left);
		m = jsonstring_next(&y, right);
		int order = memcmp(left, right, n < m ? n : m);
		if (order)
			return order;
	} while (n == m && n > 0);
	return (n > m) - (n < m);
}

bool jsonstring_same(struct jsonslice a, struct jsonslice b)
{
	return jsonstring_compare(a, b) == 0;
}

uint64_t jsonstring_hash(struct jsonslice string)
{
	if (jsonstring_is_plain(string))
		return hash_bytes(string.s + 1, string.len - 2);
	struct buf plain = {0};
	jsonslice_text(&plain, string);
	uint64_t hash = hash_bytes(plain.data, plain.len);
	buf_free(&plain);
	return hash;
}

size_t jsonstring_length(struct jsonslice string)
{
	struct jsonstring t = jsonstring_of(string);
	char bytes[4];
	size_t n = 0;
	while (jsonstring_next(&t, bytes))
		n++;
	return n;
}
