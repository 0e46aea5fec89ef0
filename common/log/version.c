/* Versions and positions in their three spellings: bits, fixed-width hex,
 * decimal.
 *
 * Invariant: every spelling that this module reads is the one that it writes.
 * Leading zeros, signs, upper-case digits and numbers above VERSION_MAX are
 * refused, so that two texts are equal exactly when the versions are.
 */
#include "common/log/version.h"

#include "common/base/check.h"
#include "common/base/digits.h"

#include <string.h>

#define OFFSET_BITS 48
#define OFFSET_MAX (((int64_t)1 << OFFSET_BITS) - 1)

version_t version_make(uint32_t epoch, int64_t offset)
{
	CHECK(epoch <= VERSION_EPOCH_MAX);
	CHECK(offset >= 0 && offset <= OFFSET_MAX);
	return (version_t)epoch << OFFSET_BITS | (version_t)offset;
}

uint32_t version_epoch(version_t v)
{
	return (uint32_t)(v >> OFFSET_BITS);
}

int64_t version_offset(version_t v)
{
	return (int64_t)(v & (version_t)OFFSET_MAX);
}

void version_to_hex(version_t v, char out[VERSION_HEX_LEN + 1])
{
	_Static_assert(
	    VERSION_HEX_LEN == (int)DIGITS_HEX, "a version is 64 bits");
	digits_hex(out, v);
	out[VERSION_HEX_LEN] = '\0';
}

static int version_hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

bool version_from_hex(const char *hex, version_t *out)
{
	version_t v = 0;
	for (int i = 0; i < VERSION_HEX_LEN; i++) {
		int digit = version_hex_digit(hex[i]);
		if (digit < 0)
			return false;
		v = v << 4 | (version_t)digit;
	}
	if (v > VERSION_MAX)
		return false;
	*out = v;
	return true;
}

/* The whole of s as a canonical decimal of at most `max`. */
static bool parse_decimal(
    const char *s, size_t len, uint64_t max, uint64_t *out)
{
	uint64_t n = 0;
	if (len == 0 || (len > 1 && s[0] == '0'))
		return false;
	for (size_t i = 0; i < len; i++) {
		if (s[i] < '0' || s[i] > '9')
			return false;
		uint64_t digit = (uint64_t)(s[i] - '0');
		if (n > (max - digit) / 10)
			return false;
		n = n * 10 + digit;
	}
	*out = n;
	return true;
}

bool version_parse(const char *s, size_t len, version_t *out)
{
	return parse_decimal(s, len, VERSION_MAX, out);
}

size_t position_format(struct position p, char out[POSITION_MAX_LEN])
{
	/* The longest, 11 and 20 digits, has room: rows of Postgres are told
	 * as they are. */
	char text[2 * POSITION_MAX_LEN], *end = text + sizeof text - 1;
	int64_t partition = p.partition;
	char *at = digits_decimal(end, p.version);
	*--at = '-';
	at = digits_decimal(
	    at, (uint64_t)(partition < 0 ? -partition : partition));
	if (partition < 0)
		*--at = '-';
	*end = '\0';
	CHECK(end - at < POSITION_MAX_LEN);
	memcpy(out, at, (size_t)(end - at) + 1);
	return (size_t)(end - at);
}

bool position_parse(const char *s, size_t len, struct position *out)
{
	size_t dash = 0;
	while (dash < len && s[dash] != '-')
		dash++;
	if (dash == len)
		return false;

	uint64_t partition;
	version_t version;
	if (!parse_decimal(s, dash, INT32_MAX, &partition) ||
	    !version_parse(s + dash + 1, len - dash - 1, &version))
		return false;
	out->partition = (int32_t)partition;
	out->version = version;
	return true;
}
