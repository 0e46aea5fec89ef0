#include "writer/batch/pg_request.h"

#include "common/base/mem.h"

#include <stdlib.h>

struct ask {
	pg_done done; /* NULL: cancelled */
	void *arg;
};

static void on_reply(void *arg, const struct pg_reply *reply)
{
	struct ask a = *(struct ask *)arg;
	free(arg);
	if (a.done)
		a.done(a.arg, reply);
}

struct ask *ask_submit(struct pool *p, const struct pg_query *queries, size_t n,
    pg_done done, void *arg)
{
	struct ask *a = MEM_NEW(struct ask);
	*a = (struct ask){done, arg};
	if (pool_submit(p, queries, n, on_reply, a))
		return a;
	free(a);
	return NULL;
}

void ask_cancel(struct ask **a)
{
	if (*a)
		(*a)->done = NULL;
	*a = NULL;
}
