#include "api/admin/admin_routes.h"

#include "api/admin/inspect.h"
#include "api/admin/purge.h"
#include "api/core/instance.h"
#include "api/core/problem.h"
#include "common/base/mem.h"

#include <stdlib.h>
#include <string.h>

void operand_free(struct operand *o)
{
	free(o->id);
	o->id = NULL;
}

static void admin_routes_refuse(
    struct admin_exchange *x, enum problem p, const char *detail)
{
	struct buf body = {0};
	problem_write(&body, p, detail, NULL, NULL);
	admin_answer(x, problem_status(p), &body);
}

static void set_key(
    struct operand *o, const struct path_segment *key, int32_t partitions)
{
	size_t prefix = o->id_len;
	struct buf id = {0};
	buf_add(&id, o->id, prefix);
	buf_add(&id, key->text, key->len);
	free(o->id);
	o->id = buf_take(&id, &o->id_len);
	o->key = o->id + prefix;
	o->key_len = key->len;
	o->slot = keyspace_slot(o->id, o->id_len, partitions);
}

/* Takes the collection and the key of the path. False: they do not exist, and
 * the request was refused. */
static bool take_operand(struct admin_exchange *x,
    const struct instance *instance, struct operand *out)
{
	const struct path_segment *name = admin_segment(x, "{collection}");
	const struct path_segment *key = admin_segment(x, "{key}");
	struct buf id = {0};
	*out = (struct operand){0};
	if (name)
		out->collection = collection_find(name->text, name->len);
	if (name && out->collection == NULL) {
		admin_routes_refuse(x, PROBLEM_COLLECTION_NOT_FOUND,
		    "GET /v1 lists the collections.");
		return false;
	}
	if (key &&
	    !collection_key_valid(out->collection, key->text, key->len)) {
		admin_routes_refuse(
		    x, PROBLEM_NOT_FOUND, "No row can have this key.");
		return false;
	}
	if (out->collection)
		buf_printf(&id, "%s/", out->collection->name);
	out->id = buf_take(&id, &out->id_len);
	if (key)
		set_key(out, key, instance->partitions);
	return true;
}

typedef void (*operation)(
    struct instance *instance, struct admin_exchange *x, struct operand *o);

static void admin_routes_start(
    struct instance *instance, struct admin_exchange *x, operation start)
{
	struct operand operand;
	if (atomic_load(&instance->draining))
		/* The threads that a request needs are ending. */
		admin_routes_refuse(x, PROBLEM_STORE_UNAVAILABLE,
		    "The instance is shutting down.");
	else if (take_operand(x, instance, &operand))
		start(instance, x, &operand);
}

static void inspect(void *instance, struct admin_exchange *x)
{
	admin_routes_start(instance, x, inspect_start);
}

static void purge(void *instance, struct admin_exchange *x)
{
	admin_routes_start(instance, x, purge_start);
}

static const struct admin_route rows[] = {
    {ROUTE_HEAD(GET, "/inspect/{collection}/{key}", inspect), inspect},
    {ROUTE_HEAD(DELETE, "/cache", purge), purge},
    {ROUTE_HEAD(DELETE, "/cache/{collection}", purge), purge},
    {ROUTE_HEAD(DELETE, "/cache/{collection}/{key}", purge), purge},
};
const struct router admin_routes = ROUTER(rows, NULL);
