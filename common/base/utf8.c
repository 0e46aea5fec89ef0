#include "common/base/utf8.h"

#include "common/base/ascii_scan.h"

/* Bytes of the sequence that begins with `c`; 0: none does. */
static size_t sequence_len(unsigned char c)
{
	if (c < 0x80)
		return 1;
	if (c >= 0xc2 && c <= 0xdf)
		return 2;
	if (c >= 0xe0 && c <= 0xef)
		return 3;
	return c >= 0xf0 && c <= 0xf4 ? 4 : 0;
}

/* RFC 3629, section 4: the range of the second byte depends on the first. */
static bool second_valid(unsigned char first, unsigned char second)
{
	unsigned char low = 0x80, high = 0xbf;
	if (first == 0xe0)
		low = 0xa0;
	else if (first == 0xed)
		high = 0x9f;
	else if (first == 0xf0)
		low = 0x90;
	else if (first == 0xf4)
		high = 0x8f;
	return second >= low && second <= high;
}

size_t utf8_prefix(const char *s, size_t len)
{
	const unsigned char *p = (const unsigned char *)s;
	size_t i = ascii_scan(s, len);
	for (; i < len; i += ascii_scan(s + i, len - i)) {
		size_t n = sequence_len(p[i]);
		if (n == 0 || i + n > len)
			return i;
		if (n > 1 && !second_valid(p[i], p[i + 1]))
			return i;
		for (size_t k = 2; k < n; k++) {
			if ((p[i + k] & 0xc0) != 0x80)
				return i;
		}
		i += n;
	}
	return i;
}

bool utf8_valid(const char *s, size_t len)
{
	return utf8_prefix(s, len) == len;
}
