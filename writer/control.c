#include "writer/control.h"

#include "writer/rejections/orders.h"

#include "common/base/log.h"
#include "common/schema/collection.h"

static void state(struct admin_exchange *x, bool paused)
{
	struct buf body = {0};
	buf_printf(&body, "{\"paused\":%s}\n", paused ? "true" : "false");
	admin_answer(x, 200, &body);
}

static void set_paused(struct control *c, struct admin_exchange *x, bool paused)
{
	if (c->x->paused != paused)
		log_event(paused ? EV_PAUSED : EV_RESUMED,
		    "by=admin request=%s", log_quote(admin_request_id(x)));
	c->x->paused = paused;
	state(x, paused);
	if (!paused)
		c->resumed(c->arg);
}

static void control_pause(void *arg, struct admin_exchange *x)
{
	set_paused(arg, x, true);
}

static void control_resume(void *arg, struct admin_exchange *x)
{
	set_paused(arg, x, false);
}

static void control_list(void *arg, struct admin_exchange *x)
{
	struct control *c = arg;
	const struct path_segment *name = admin_segment(x, "{collection}");
	if (name && collection_find(name->text, name->len) == NULL)
		admin_not_found(x);
	else
		rejections_list(c->rejections, name ? name->text : "", x);
}

/* Of the path; false: it is none, and that was answered. */
static bool control_position(struct admin_exchange *x, struct position *out)
{
	const struct path_segment *at = admin_segment(x, "{position}");
	if (position_parse(at->text, at->len, out))
		return true;
	admin_not_found(x);
	return false;
}

static void control_requeue(void *arg, struct admin_exchange *x)
{
	struct control *c = arg;
	struct position at;
	if (control_position(x, &at))
		rejections_requeue(c->rejections, at, x);
}

static void control_discard(void *arg, struct admin_exchange *x)
{
	struct control *c = arg;
	struct position at;
	if (control_position(x, &at))
		rejections_discard(c->rejections, at, x);
}

static void control_reject(void *arg, struct admin_exchange *x)
{
	struct control *c = arg;
	struct position at;
	if (control_position(x, &at))
		orders_take(c->x->orders, at, c->end(c->arg, at.partition), x);
}

static const struct admin_route rows[] = {
    {ROUTE_HEAD(POST, "/pause", operate), control_pause},
    {ROUTE_HEAD(POST, "/resume", operate), control_resume},
    {ROUTE_HEAD(POST, "/positions/{position}/reject", operate), control_reject},
    {ROUTE_HEAD(GET, "/rejections", operate), control_list},
    {ROUTE_HEAD(GET, "/rejections/{collection}", operate), control_list},
    {ROUTE_HEAD(POST, "/rejections/{position}/requeue", operate),
	control_requeue},
    {ROUTE_HEAD(DELETE, "/rejections/{position}", operate), control_discard},
};
const struct router control_routes = ROUTER(rows, NULL);
