#include "api/access/unknown_keys.h"

bool unknown_keys_may_come(
    struct unknown_keys *u, uint64_t name, mono_us_t now, mono_us_t fetched)
{
	for (unsigned i = 0; i < UNKNOWN_KEYS; i++) {
		if (u->ring[i].seen && u->ring[i].name == name)
			return u->ring[i].seen >= fetched;
	}
	u->ring[u->next].name = name;
	u->ring[u->next].seen = now;
	u->next = (u->next + 1) % UNKNOWN_KEYS;
	return true;
}
