#include "common/kafka/kafka_answers.h"

static bool is_any_there(struct partition *const *parts, size_t n)
{
	size_t i = 0;
	while (i < n && parts[i] == NULL)
		i++;
	return i < n;
}

bool kafka_answers(const struct membership *m, const struct consumer *c,
    struct partition *const *parts, size_t n)
{
	if (m == NULL)
		return true;
	return is_any_there(parts, n) ? consumer_reachable(c)
				      : membership_reachable(m);
}
