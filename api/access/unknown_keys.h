/* Keys that tokens named and that no key set had (pure core): may the next
 * fetch bring them?
 *
 * An issuer that signs with a new key at once is ahead of us. Its tokens are
 * not to be refused before the keys were fetched once more. After that fetch, a
 * key that is still unknown is none of the issuer's.
 *
 * A ring: if clients name more keys than it has room for, the first ones count
 * as new again. So a good token is never refused because of others.
 */
#pragma once

#include "common/base/clock.h"

#include <stdbool.h>
#include <stdint.h>

enum { UNKNOWN_KEYS = 64 };

struct unknown_keys {
	struct {
		uint64_t name;	/* a hash */
		mono_us_t seen; /* first; 0: the place is free */
	} ring[UNKNOWN_KEYS];
	unsigned next;
};

/* `fetched`: when the last fetch that succeeded began. True: the key was named
 * for the first time after that. */
bool unknown_keys_may_come(
    struct unknown_keys *u, uint64_t name, mono_us_t now, mono_us_t fetched);
