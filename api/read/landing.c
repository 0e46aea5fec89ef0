#include "api/read/landing.h"

#include "api/core/request.h"
#include "common/base/mem.h"

#include <stdlib.h>

/* A result on its way to a request of another thread. */
struct parcel {
	struct request *request;
	struct lookup_result result; /* holds a reference */
};

static void open_parcel(void *arg)
{
	struct parcel *p = arg;
	request_landed(p->request, &p->result);
	value_unref(&p->result.value);
	free(p);
}

static void landing_give_one(
    struct worker *me, struct request *r, const struct lookup_result *result)
{
	if (r->worker == me) {
		request_landed(r, result);
		return;
	}
	struct parcel *p = MEM_NEW(struct parcel);
	p->request = r;
	p->result = *result;
	if (result->value)
		value_ref(result->value);
	loop_post(r->worker->loop, open_parcel, p);
}

static struct request *request_of(struct singleflight_waiter *w)
{
	return (struct request *)((char *)w - offsetof(struct request, flight));
}

void landing_give(struct worker *me, struct singleflight_waiter *first,
    const struct lookup_result *result)
{
	while (first) {
		struct singleflight_waiter *next = first->next;
		landing_give_one(me, request_of(first), result);
		first = next;
	}
}
