/* A circuit breaker: the transitions, all of them.
 *
 *            allow            success  failure          trip  cancel
 *  CLOSED    yes              count=0  count++; OPEN    OPEN  -
 *                                      at the limit
 *  OPEN      no; after the    -        -                -     -
 *            cooldown: yes,
 *            and HALF
 *  HALF      no               CLOSED   OPEN             OPEN  OPEN, without
 *                                                             a cooldown
 *
 * The race: calls that started before the breaker opened end while it is OPEN.
 * Their results are outdated: a success does not close the breaker, and a
 * failure does not prolong the cooldown.
 */
#include "common/net/breaker.h"

#include "common/base/check.h"

void breaker_init(struct breaker *b, unsigned limit, dur_us_t cooldown)
{
	CHECK(limit > 0 && cooldown >= 0);
	*b = (struct breaker){
	    .state = BREAKER_CLOSED, .limit = limit, .cooldown = cooldown};
}

static void open_until(struct breaker *b, mono_us_t when)
{
	b->state = BREAKER_OPEN;
	b->failures = 0;
	b->reopen_at = when;
}

bool breaker_allow(struct breaker *b, mono_us_t now)
{
	switch (b->state) {
	case BREAKER_CLOSED:
		return true;
	case BREAKER_OPEN:
		if (now < b->reopen_at)
			return false;
		b->state = BREAKER_HALF;
		return true;
	case BREAKER_HALF:
		return false;
	}
	UNREACHABLE("breaker state");
}

void breaker_success(struct breaker *b)
{
	if (b->state == BREAKER_OPEN)
		return;
	b->state = BREAKER_CLOSED;
	b->failures = 0;
}

void breaker_failure(struct breaker *b, mono_us_t now)
{
	if (b->state == BREAKER_OPEN)
		return;
	if (b->state == BREAKER_HALF || ++b->failures >= b->limit)
		open_until(b, now + b->cooldown);
}

void breaker_trip(struct breaker *b, mono_us_t now)
{
	if (b->state != BREAKER_OPEN)
		open_until(b, now + b->cooldown);
}

void breaker_cancel(struct breaker *b, mono_us_t now)
{
	if (b->state == BREAKER_HALF)
		open_until(b, now);
}

const char *breaker_name(enum breaker_state s)
{
	switch (s) {
	case BREAKER_CLOSED:
		return "closed";
	case BREAKER_OPEN:
		return "open";
	case BREAKER_HALF:
		return "half-open";
	}
	UNREACHABLE("breaker state");
}
