#include "api/read/landing.h"

#include "api/core/request.h"
#include "common/base/check.h"
#include "common/base/loop.h"
#include "common/base/mem.h"

#include <stdlib.h>

/* A result on its way to a request on another thread. */
struct parcel {
	struct request *request;
	struct lookup_result result; /* has a reference of the value */
};

/* Runs on the request's own thread. */
static void landing_land(struct request *r, const struct lookup_result *result)
{
	struct read_op *op = r->read;
	CHECK(r->magic == REQUEST_MAGIC && op->in_flight);
	op->in_flight = false;
	value_unref(&op->value);
	if (result->value)
		op->value = value_ref(result->value);
	op->tier = result->tier;
	op->skipped = result->skipped;
	op->failure = result->failure;
	tier_times_add(&op->times, &result->times);
	request_resume(r);
}

static void open_parcel(void *arg)
{
	struct parcel *p = arg;
	landing_land(p->request, &p->result);
	value_unref(&p->result.value);
	free(p);
}

static void landing_give_one(
    struct thread *me, struct request *r, const struct lookup_result *result)
{
	if (r->thread == me) {
		landing_land(r, result);
		return;
	}
	struct parcel *p = MEM_NEW(struct parcel);
	p->request = r;
	p->result = *result;
	if (result->value)
		value_ref(result->value);
	loop_post(r->thread->loop, open_parcel, p);
}

static struct request *request_of(struct singleflight_waiter *w)
{
	return (
	    (struct read_op *)((char *)w - offsetof(struct read_op, flight)))
	    ->request;
}

void landing_give(struct thread *me, struct singleflight_waiter *first,
    const struct lookup_result *result)
{
	while (first) {
		struct singleflight_waiter *next = first->next;
		landing_give_one(me, request_of(first), result);
		first = next;
	}
}
