#include "common/base/entropy.h"

#include "common/base/check.h"

#include <sys/random.h>

uint64_t entropy_bits(void)
{
	uint64_t bits;
	/* Eight bytes are never given in part (getrandom(2)). */
	CHECK(getrandom(&bits, sizeof bits, 0) == sizeof bits);
	return bits;
}
