#include "common/base/stall.h"

static int64_t stall_get(const _Atomic int64_t *v)
{
	return atomic_load_explicit(v, memory_order_relaxed);
}

static void stall_set(_Atomic int64_t *v, int64_t to)
{
	atomic_store_explicit(v, to, memory_order_relaxed);
}

/* Most turns are not longer than those before: then there are only loads. */
void stall_note(struct stall *s, mono_us_t now, dur_us_t turn)
{
	int64_t number = now / STALL_SLOT;
	size_t i = (size_t)(number % STALL_SLOTS);
	if (stall_get(&s->slots[i].number) != number) {
		stall_set(&s->slots[i].longest, 0);
		stall_set(&s->slots[i].number, number);
	}
	if (turn > stall_get(&s->slots[i].longest))
		stall_set(&s->slots[i].longest, turn);
	if (turn > stall_get(&s->ever))
		stall_set(&s->ever, turn);
}

dur_us_t stall_ever(const struct stall *s)
{
	return stall_get(&s->ever);
}

dur_us_t stall_recent(const struct stall *s, mono_us_t now)
{
	dur_us_t longest = 0;
	for (size_t i = 0; i < STALL_SLOTS; i++) {
		bool recent = stall_get(&s->slots[i].number) + STALL_SLOTS >
			      now / STALL_SLOT;
		dur_us_t turn = stall_get(&s->slots[i].longest);
		if (recent && turn > longest)
			longest = turn;
	}
	return longest;
}
