#include "api/admin/admin_routes.h"

#include "api/admin/inspect.h"
#include "api/admin/purge.h"
#include "api/app.h"
#include "api/core/problem.h"
#include "common/base/mem.h"
#include "common/http/path.h"

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

static bool admin_routes_is(const struct path_segment *s, const char *text)
{
	return s->len == strlen(text) && memcmp(s->text, text, s->len) == 0;
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

/* `/word[/{collection}[/{key}]]`; false: it was refused. */
static bool take_operand(struct admin_exchange *x, const struct app *app,
    const struct path *path, struct operand *out)
{
	const struct path_segment *s = path->segments;
	struct buf id = {0};
	*out = (struct operand){0};
	if (path->n > 1)
		out->collection = collection_find(s[1].text, s[1].len);
	if (path->n > 1 && out->collection == NULL) {
		admin_routes_refuse(x, PROBLEM_COLLECTION_NOT_FOUND,
		    "GET /v1 lists the collections.");
		return false;
	}
	if (path->n > 2 &&
	    !collection_key_valid(out->collection, s[2].text, s[2].len)) {
		admin_routes_refuse(
		    x, PROBLEM_NOT_FOUND, "No row can have this key.");
		return false;
	}
	if (out->collection)
		buf_printf(&id, "%s/", out->collection->name);
	out->id = buf_take(&id, &out->id_len);
	if (path->n > 2)
		set_key(out, &s[2], app->partitions);
	return true;
}

typedef void (*operation)(
    struct app *app, struct admin_exchange *x, struct operand *o);

static operation admin_routes_find(
    const struct admin_exchange *x, const struct path *path)
{
	const struct path_segment *s = path->segments;
	if (strcmp(x->method, "GET") == 0 && path->n == 3 &&
	    admin_routes_is(&s[0], "inspect"))
		return inspect_start;
	if (strcmp(x->method, "DELETE") == 0 && path->n >= 1 && path->n <= 3 &&
	    admin_routes_is(&s[0], "cache"))
		return purge_start;
	return NULL;
}

bool operate(void *arg, struct admin_exchange *x)
{
	struct app *app = arg;
	struct path path;
	struct operand operand;
	operation start =
	    path_parse(x->path, &path) ? admin_routes_find(x, &path) : NULL;
	if (start && atomic_load(&app->draining))
		/* The threads that it needs are ending. */
		admin_routes_refuse(x, PROBLEM_STORE_UNAVAILABLE,
		    "The instance is shutting down.");
	else if (start && take_operand(x, app, &path, &operand))
		start(app, x, &operand);
	path_free(&path);
	return start != NULL;
}
