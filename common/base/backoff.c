/* Capped exponential backoff with full jitter. The ceiling is computed without
 * a shift past the cap, so that every number of attempts is well defined.
 */
#include "common/base/backoff.h"

#include "common/base/check.h"

#include <limits.h>

void backoff_init(struct backoff *b, dur_us_t base, dur_us_t cap)
{
	CHECK(base > 0 && cap >= base);
	*b = (struct backoff){.base = base, .cap = cap};
}

/* min(cap, base << attempts). */
static dur_us_t ceiling(const struct backoff *b)
{
	if (b->attempts >= 63 || b->base > b->cap >> b->attempts)
		return b->cap;
	return b->base << b->attempts;
}

dur_us_t backoff_next(struct backoff *b, uint64_t random)
{
	dur_us_t least = b->base / 2;
	uint64_t span = (uint64_t)(ceiling(b) - least) + 1;
	if (b->attempts < UINT_MAX)
		b->attempts++;
	return least + (dur_us_t)(random % span);
}

void backoff_reset(struct backoff *b)
{
	b->attempts = 0;
}
