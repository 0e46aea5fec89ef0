#include "common/base/entropy.h"

#include "common/base/check.h"

#include <sys/random.h>

uint64_t entropy_bits(void)
{
	uint64_t bits;
	/* getrandom(2) never returns only a part of so few bytes. */
	CHECK(getrandom(&bits, sizeof bits, 0) == sizeof bits);
	return bits;
}
