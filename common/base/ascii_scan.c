/* A byte of `marks` is 0x80 if the scan must stop at that byte of the text. A
 * subtraction may borrow from the next higher byte. So only the lowest mark is
 * certain, and only that one is used.
 */
#include "common/base/ascii_scan.h"

#include <endian.h>
#include <stdint.h>
#include <string.h>

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

static uint64_t ascii_scan_load(const char *s)
{
	uint64_t x;
	memcpy(&x, s, sizeof x);
	return le64toh(x);
}

static size_t first(uint64_t marks)
{
	return (size_t)__builtin_ctzll(marks) / 8;
}

/* Marks the bytes that are less than n. n is at most 0x80. */
static uint64_t ascii_scan_below(uint64_t x, unsigned n)
{
	return (x - EACH(n)) & ~x & EACH(0x80);
}

static uint64_t ascii_scan_equal(uint64_t x, unsigned char c)
{
	return ascii_scan_below(x ^ EACH(c), 1);
}

size_t ascii_scan(const char *s, size_t len)
{
	size_t i = 0;
	for (; len - i >= sizeof(uint64_t); i += sizeof(uint64_t)) {
		uint64_t marks = ascii_scan_load(s + i) & EACH(0x80);
		if (marks)
			return i + first(marks);
	}
	while (i < len && (unsigned char)s[i] < 0x80)
		i++;
	return i;
}

size_t ascii_scan_plain(const char *s, size_t len)
{
	size_t i = 0;
	for (; len - i >= sizeof(uint64_t); i += sizeof(uint64_t)) {
		uint64_t x = ascii_scan_load(s + i);
		uint64_t marks = ascii_scan_below(x, ' ') |
				 ascii_scan_equal(x, '"') |
				 ascii_scan_equal(x, '\\');
		if (marks)
			return i + first(marks);
	}
	while (i < len && (unsigned char)s[i] >= ' ' && s[i] != '"' &&
	       s[i] != '\\')
		i++;
	return i;
}
