#include "api/commits/lag.h"

static const struct lag_note *lag_at(const struct lag *l, size_t i)
{
	return &l->notes[i % LAG_NOTES];
}

void lag_note(struct lag *l, mono_us_t now, int64_t decided)
{
	if (l->next && lag_at(l, l->next - 1)->decided > decided)
		l->next = 0;
	l->notes[l->next++ % LAG_NOTES] = (struct lag_note){now, decided};
}

/* Notes only grow, so the oldest one above `reached` is found by halving. */
dur_us_t lag_of(const struct lag *l, mono_us_t now, int64_t reached)
{
	size_t from = l->next > LAG_NOTES ? l->next - LAG_NOTES : 0;
	size_t to = l->next;
	while (from < to) {
		size_t middle = from + (to - from) / 2;
		if (lag_at(l, middle)->decided > reached)
			to = middle;
		else
			from = middle + 1;
	}
	return to < l->next ? now - lag_at(l, to)->at : 0;
}
