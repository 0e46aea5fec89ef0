#include "common/log/digits.h"

char *digits_decimal(char *end, uint64_t v)
{
	do
		*--end = (char)('0' + v % 10);
	while ((v /= 10) != 0);
	return end;
}

void digits_hex(char out[DIGITS_HEX], uint64_t v)
{
	for (int i = DIGITS_HEX; i-- > 0; v >>= 4)
		out[i] = "0123456789abcdef"[v & 0xf];
}
