#include "common/base/jitter.h"

void jitter_init(struct jitter *j, uint64_t seed)
{
	/* Similar seeds must not give similar first numbers. */
	j->state = (seed ^ seed >> 32) * 0x9e3779b97f4a7c15u | 1;
}

uint64_t jitter_bits(struct jitter *j)
{
	uint64_t x = j->state;
	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	j->state = x;
	return x;
}

dur_us_t jitter_ttl(struct jitter *j, dur_us_t ttl)
{
	uint64_t x = jitter_bits(j);
	dur_us_t tenth = ttl / 10;
	return ttl - tenth + (dur_us_t)(x % (uint64_t)(2 * tenth + 1));
}
