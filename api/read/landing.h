/* The result of a lookup, to everybody who joined it: by the mailbox of each
 * one's own thread. */
#pragma once

#include "api/read/lookup.h"
#include "api/read/singleflight.h"

struct thread;

/* Called on `me`; `first` is what singleflight_land returned. */
void landing_give(struct thread *me, struct singleflight_waiter *first,
    const struct lookup_result *result);
