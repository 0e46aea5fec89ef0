#include "writer/core/pg_request.h"

#include "common/base/mem.h"

#include <stdlib.h>

struct pg_request {
	pg_done done; /* NULL: cancelled */
	void *arg;
};

static void pg_request_on_reply(void *arg, const struct pg_reply *reply)
{
	struct pg_request a = *(struct pg_request *)arg;
	free(arg);
	if (a.done)
		a.done(a.arg, reply);
}

struct pg_request *pg_request_submit_from(struct pg_pool *p, size_t first,
    const struct pg_query *queries, size_t n, pg_done done, void *arg)
{
	struct pg_request *a = MEM_NEW(struct pg_request);
	*a = (struct pg_request){done, arg};
	if (pg_pool_submit_from(p, first, queries, n, pg_request_on_reply, a))
		return a;
	free(a);
	return NULL;
}

struct pg_request *pg_request_submit(struct pg_pool *p,
    const struct pg_query *queries, size_t n, pg_done done, void *arg)
{
	return pg_request_submit_from(p, 0, queries, n, done, arg);
}

void pg_request_cancel(struct pg_request **a)
{
	if (*a)
		(*a)->done = NULL;
	*a = NULL;
}
