#include "common/seldom.h"

bool seldom_tells(struct seldom *s, mono_us_t now, uint64_t *untold)
{
	*untold = s->untold;
	if (now < s->next) {
		s->untold++;
		return false;
	}
	s->untold = 0;
	s->next = now + CLOCK_S(1);
	return true;
}
