#include "common/base/digits.h"

#include <endian.h>
#include <string.h>

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

char *digits_decimal(char *end, uint64_t v)
{
	do
		*--end = (char)('0' + v % 10);
	while ((v /= 10) != 0);
	return end;
}

/* Eight digits at once, the first one in the highest byte: v is pulled apart
 * until each byte has four bits of it. */
static uint64_t eight_hex_digits(uint32_t v)
{
	uint64_t x = v;
	x = (x << 16 | x) & UINT64_C(0x0000ffff0000ffff);
	x = (x << 8 | x) & UINT64_C(0x00ff00ff00ff00ff);
	x = (x << 4 | x) & EACH(0x0f);
	uint64_t letters = (x + EACH(6)) >> 4 & EACH(1);
	return x + EACH('0') + letters * ('a' - '0' - 10);
}

void digits_hex(char out[DIGITS_HEX], uint64_t v)
{
	const uint64_t text[2] = {
	    htobe64(eight_hex_digits((uint32_t)(v >> 32))),
	    htobe64(eight_hex_digits((uint32_t)v))};
	memcpy(out, text, sizeof text);
}
