/* Delivers the result of a lookup to each request that joined it, on that
 * request's thread. */
#pragma once

#include "api/read/lookup.h"
#include "api/read/singleflight.h"

struct thread;

/* Called on the thread `me`. `first` is what singleflight_land returned.
 * Borrows `result`. */
void landing_give(struct thread *me, struct singleflight_waiter *first,
    const struct lookup_result *result);
