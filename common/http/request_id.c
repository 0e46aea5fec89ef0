#include "common/http/request_id.h"

#include "common/base/digits.h"
#include "common/base/random.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define DIGITS "0123456789"

bool request_id_is_valid(const char *text)
{
	size_t n =
	    strspn(text, LOWER "ABCDEFGHIJKLMNOPQRSTUVWXYZ" DIGITS "-_.:/+=@~");
	return n > 0 && n <= REQUEST_ID_MAX && text[n] == '\0';
}

/* splitmix64 (Steele, Lea, Flood 2014): for each state another number, so the
 * ids of a thread differ. */
static uint64_t request_id_next(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15U;
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
	return z ^ (z >> 31);
}

void request_id_make(char out[REQUEST_ID_OWN + 1])
{
	static _Thread_local uint64_t state;
	static _Thread_local bool seeded;
	if (!seeded)
		state = random_bits();
	seeded = true;
	digits_hex(out, request_id_next(&state));
	out[REQUEST_ID_OWN] = '\0';
}
