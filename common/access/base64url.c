#include "common/access/base64url.h"

#include <stdint.h>
#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			       "abcdefghijklmnopqrstuvwxyz0123456789-_";

size_t base64url_length(size_t len)
{
	return len / 3 * 4 + (len % 3 ? len % 3 + 1 : 0);
}

void base64url_encode(struct buf *out, const void *data, size_t len)
{
	const unsigned char *s = data;
	for (size_t i = 0; i < len; i += 3) {
		size_t n = len - i < 3 ? len - i : 3;
		uint32_t bits = (uint32_t)s[i] << 16;
		bits |= n > 1 ? (uint32_t)s[i + 1] << 8 : 0;
		bits |= n > 2 ? s[i + 2] : 0;
		for (size_t j = 0; j <= n; j++)
			buf_char(out, alphabet[bits >> (18 - 6 * j) & 63]);
	}
}

/* -1: not a character of the alphabet. */
static int digit_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '-')
		return 62;
	return c == '_' ? 63 : -1;
}

/* Appends the whole bytes. False: a foreign character, a lone last one, or
 * unused bits that are not zero. */
static bool append_bytes(struct buf *out, const char *s, size_t len)
{
	uint32_t bits = 0;
	unsigned have = 0;
	for (size_t i = 0; i < len; i++) {
		int digit = digit_of(s[i]);
		if (digit < 0)
			return false;
		bits = bits << 6 | (uint32_t)digit;
		have += 6;
		if (have < 8)
			continue;
		have -= 8;
		buf_char(out, (char)(bits >> have));
		bits &= (1U << have) - 1;
	}
	return have < 6 && bits == 0;
}

bool base64url_decode(struct buf *out, const char *s, size_t len)
{
	size_t before = out->len;
	buf_reserve(out, before + len / 4 * 3 + 4);
	if (append_bytes(out, s, len))
		return true;
	out->len = before;
	out->data[before] = '\0';
	return false;
}
