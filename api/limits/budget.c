#include "api/limits/budget.h"

struct budget budget_bodies, budget_answers;

static size_t limit(const struct budget *b, size_t n)
{
	return n > BUDGET_SMALL ? b->most - b->most / 4 : b->most;
}

static size_t used(const struct budget *b)
{
	return atomic_load_explicit(&b->used, memory_order_relaxed);
}

static bool budget_refuse(struct budget *b)
{
	atomic_fetch_add_explicit(&b->refused, 1, memory_order_relaxed);
	return false;
}

bool budget_take(struct budget *b, size_t *held, size_t want)
{
	if (want <= *held) {
		budget_set(b, held, want);
		return true;
	}
	size_t more = want - *held, most = limit(b, want), now = used(b);
	do {
		if (more > most || now > most - more)
			return budget_refuse(b);
	} while (!atomic_compare_exchange_weak_explicit(&b->used, &now,
	    now + more, memory_order_relaxed, memory_order_relaxed));
	*held = want;
	return true;
}

void budget_set(struct budget *b, size_t *held, size_t want)
{
	if (want != *held)
		atomic_fetch_add_explicit(
		    &b->used, want - *held, memory_order_relaxed);
	*held = want;
}

bool budget_fits(struct budget *b, size_t n)
{
	size_t most = limit(b, n);
	return (n <= most && used(b) <= most - n) || budget_refuse(b);
}

bool budget_keeps(struct budget *b, size_t n)
{
	return used(b) <= limit(b, n) || budget_refuse(b);
}

bool budget_is_over(const struct budget *b)
{
	return used(b) > b->most;
}

bool budget_is_tight(const struct budget *b)
{
	return used(b) > b->most / 2;
}
