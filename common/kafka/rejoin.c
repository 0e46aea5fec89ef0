#include "common/kafka/rejoin.h"

void rejoin_lost(struct rejoin *r)
{
	*r = (struct rejoin){.lost = true};
}

/* A later assignment of the same membership does not prolong the time. */
void rejoin_assigned(struct rejoin *r, mono_us_t now)
{
	if (r->lost && r->back == 0)
		r->back = now;
}

bool rejoin_fenced(struct rejoin *r, mono_us_t now, dur_us_t session)
{
	bool own = r->lost && (r->back == 0 || now - r->back < session);
	*r = (struct rejoin){0};
	return own;
}
