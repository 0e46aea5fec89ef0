/* A circuit breaker (pure core): Nygard, "Release It!", 2007.
 *
 * CLOSED   calls pass; `limit` failures in a row open it.
 * OPEN     calls are refused at once until `cooldown` is over, so that a dead
 *          tier adds no latency.
 * HALF     one probe call passes; its success closes, its failure opens.
 */
#pragma once

#include "common/base/clock.h"

#include <stdbool.h>

enum breaker_state { BREAKER_CLOSED, BREAKER_OPEN, BREAKER_HALF };

struct breaker {
	enum breaker_state state;
	unsigned failures;
	unsigned limit;
	dur_us_t cooldown;
	mono_us_t reopen_at;
};

void breaker_init(struct breaker *b, unsigned limit, dur_us_t cooldown);
/* May a call start now? In HALF only the one probe may. */
bool breaker_allow(struct breaker *b, mono_us_t now);
void breaker_success(struct breaker *b);
void breaker_failure(struct breaker *b, mono_us_t now);
/* One failure that opens it, such as a timeout, which cost its caller much. */
void breaker_trip(struct breaker *b, mono_us_t now);
/* An allowed call ended without a verdict (cancelled): HALF may probe again. */
void breaker_cancel(struct breaker *b, mono_us_t now);
const char *breaker_name(enum breaker_state s);
