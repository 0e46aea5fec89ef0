#include "common/base/random.h"

#include "common/base/check.h"

#include <sys/random.h>

void random_bytes(void *out, size_t len)
{
	/* getrandom(2) never returns only a part of so few bytes. */
	CHECK(getrandom(out, len, 0) == (ssize_t)len);
}

uint64_t random_bits(void)
{
	uint64_t bits;
	random_bytes(&bits, sizeof bits);
	return bits;
}

void random_init(struct random *r, uint64_t seed)
{
	/* Similar seeds must not give similar first numbers. */
	r->state = (seed ^ seed >> 32) * 0x9e3779b97f4a7c15u | 1;
}

uint64_t random_next(struct random *r)
{
	uint64_t x = r->state;
	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	r->state = x;
	return x;
}

dur_us_t random_ttl(struct random *r, dur_us_t ttl)
{
	uint64_t x = random_next(r);
	dur_us_t tenth = ttl / 10;
	return ttl - tenth + (dur_us_t)(x % (uint64_t)(2 * tenth + 1));
}
