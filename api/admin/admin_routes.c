#include "api/admin/admin_routes.h"

#include "api/admin/inspect.h"
#include "api/admin/purge.h"
#include "api/core/instance.h"
#include "api/core/problem.h"

static void admin_routes_refuse(
    struct admin_exchange *x, enum problem p, const char *detail)
{
	struct buf body = {0};
	problem_write(&body, p, detail, NULL, NULL);
	admin_answer(x, problem_status(p), &body);
}

/* For operand_done. */
static void admin_routes_answer(void *arg, unsigned status, struct buf *body)
{
	admin_answer(arg, status, body);
}

typedef void (*operation)(
    struct instance *instance, struct operand *o, operand_done done, void *arg);

static void admin_routes_start(
    struct instance *instance, struct admin_exchange *x, operation begin)
{
	struct operand o;
	if (atomic_load(&instance->draining)) {
		/* The threads that a request needs are ending. */
		admin_routes_refuse(x, PROBLEM_STORE_UNAVAILABLE,
		    "The instance is shutting down.");
		return;
	}
	enum operand_fault fault =
	    operand_take(&o, admin_segment(x, "{collection}"),
		admin_segment(x, "{key}"), instance->partitions);
	o.request = admin_request_id(x);
	if (fault == OPERAND_OK)
		begin(instance, &o, admin_routes_answer, x);
	else
		admin_routes_refuse(
		    x, operand_problem(fault), operand_fault_text(fault));
}

static void inspect(void *instance, struct admin_exchange *x)
{
	admin_routes_start(instance, x, inspect_begin);
}

static void purge(void *instance, struct admin_exchange *x)
{
	admin_routes_start(instance, x, purge_begin_described);
}

static const struct admin_route rows[] = {
    {ROUTE_HEAD(GET, "/inspect/{collection}/{key}", inspect), inspect},
    {ROUTE_HEAD(DELETE, "/cache", purge), purge},
    {ROUTE_HEAD(DELETE, "/cache/{collection}", purge), purge},
    {ROUTE_HEAD(DELETE, "/cache/{collection}/{key}", purge), purge},
};
const struct router admin_routes = ROUTER(rows, NULL);
