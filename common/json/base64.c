#include "common/json/base64.h"

#include <string.h>

static const char alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Up to three bytes. */
static void base64_group(struct buf *out, const unsigned char *s, size_t n)
{
	unsigned bits = (unsigned)s[0] << 16;
	bits |= n > 1 ? (unsigned)s[1] << 8 : 0;
	bits |= n > 2 ? s[2] : 0;
	buf_char(out, alphabet[bits >> 18]);
	buf_char(out, alphabet[bits >> 12 & 63]);
	buf_char(out, n > 1 ? alphabet[bits >> 6 & 63] : '=');
	buf_char(out, n > 2 ? alphabet[bits & 63] : '=');
}

void base64_encode(struct buf *out, const void *data, size_t len)
{
	const unsigned char *s = data;
	for (size_t i = 0; i < len; i += 3)
		base64_group(out, s + i, len - i < 3 ? len - i : 3);
}

/* -1: not in the alphabet. */
static int base64_digit(char c)
{
	const char *at = c ? strchr(alphabet, c) : NULL;
	return at ? (int)(at - alphabet) : -1;
}

bool base64_valid(const char *s, size_t len)
{
	size_t padding = len >= 4 && s[len - 1] == '=';
	padding += padding && s[len - 2] == '=';
	if (len % 4 != 0)
		return false;
	for (size_t i = 0; i < len - padding; i++) {
		if (base64_digit(s[i]) < 0)
			return false;
	}
	/* Of the last character, 2 bits for each = are of no byte. */
	int unused = (1 << 2 * padding) - 1;
	return padding == 0 ||
	       (base64_digit(s[len - padding - 1]) & unused) == 0;
}
