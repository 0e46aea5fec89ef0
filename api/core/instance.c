#include "api/core/instance.h"

void instance_hold(struct instance *i)
{
	i->held++;
}

void instance_release(struct instance *i)
{
	i->held--;
	i->released(i);
}

void instance_refuse(struct instance *i, const struct err *e)
{
	i->refused(i, e);
}

bool instance_take_place(atomic_size_t *taken, int64_t most)
{
	if (atomic_fetch_add(taken, 1) < (size_t)most)
		return true;
	atomic_fetch_sub(taken, 1);
	return false;
}
