#include "writer/control.h"

#include "writer/rejections/orders.h"

#include "common/base/log.h"
#include "common/schema/collection.h"

#include <string.h>

static void state(struct admin_exchange *x, bool paused)
{
	struct buf body = {0};
	buf_printf(&body, "{\"paused\":%s}\n", paused ? "true" : "false");
	admin_answer(x, 200, &body);
}

static void set_paused(struct control *c, struct admin_exchange *x, bool paused)
{
	if (c->x->paused != paused)
		log_event(paused ? EV_PAUSED : EV_RESUMED, "by=admin");
	c->x->paused = paused;
	state(x, paused);
	if (!paused)
		c->resumed(c->arg);
}

/* `/rejections/3-1042` and, with `tail`, `/rejections/3-1042/requeue`. */
static bool is_position(const char *path, const char *prefix, const char *tail,
    struct position *out)
{
	if (strncmp(path, prefix, strlen(prefix)) != 0)
		return false;
	const char *text = path + strlen(prefix);
	size_t len = strcspn(text, "/");
	return strcmp(text + len, tail) == 0 && position_parse(text, len, out);
}

/* The collection of `/rejections/{collection}`, "" for all; NULL: neither. */
static const char *listed(const char *path)
{
	if (strcmp(path, "/rejections") == 0)
		return "";
	if (strncmp(path, "/rejections/", 12) != 0)
		return NULL;
	const char *name = path + 12;
	return collection_find(name, strlen(name)) ? name : NULL;
}

bool control_handle(void *arg, struct admin_exchange *x)
{
	struct control *c = arg;
	struct position at;
	bool get = strcmp(x->method, "GET") == 0;
	bool post = strcmp(x->method, "POST") == 0;
	bool delete = strcmp(x->method, "DELETE") == 0;
	if (post && strcmp(x->path, "/pause") == 0)
		set_paused(c, x, true);
	else if (post && strcmp(x->path, "/resume") == 0)
		set_paused(c, x, false);
	else if (get && listed(x->path))
		rejections_list(c->rejections, listed(x->path), x);
	else if (post && is_position(x->path, "/rejections/", "/requeue", &at))
		rejections_requeue(c->rejections, at, x);
	else if (delete &&is_position(x->path, "/rejections/", "", &at))
		rejections_discard(c->rejections, at, x);
	else if (post && is_position(x->path, "/positions/", "/reject", &at))
		orders_take(c->x->orders, at, c->end(c->arg, at.partition), x);
	else
		return false;
	return true;
}
