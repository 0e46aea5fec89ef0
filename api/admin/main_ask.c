/* The request parks while the main loop works. What it began there always ends,
 * so the request waits for it, even if its client leaves.
 */
#include "api/admin/main_ask.h"

#include "api/admin/admin_routes.h"
#include "api/admin/inspect.h"
#include "api/admin/purge.h"
#include "api/admin/writer_ask.h"
#include "api/core/answer.h"
#include "api/core/guard.h"
#include "api/core/settings.h"
#include "common/base/loop.h"
#include "common/base/mem.h"
#include "common/http/path.h"
#include "common/log/version.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

typedef void (*begin_fn)(
    struct instance *instance, struct operand *o, operand_done done, void *arg);

/* The state of a request of these routes. */
struct main_ask {
	struct request *request;
	/* On the main loop: begins, and calls main_ask_done later. */
	void (*begin)(struct main_ask *a);
	bool changes; /* it is recorded who did it */
	bool asking;  /* parked until the main loop is done */
	struct operand operand;
	struct buf path;   /* for a writer */
	const char *after; /* of the query; libmicrohttpd's; NULL: none */
	unsigned status;   /* 0: the instance drains */
	struct buf body;
};

static void main_ask_on_worker(void *arg)
{
	struct main_ask *a = arg;
	a->asking = false;
	request_resume(a->request);
}

static void main_ask_done(void *arg, unsigned status, struct buf *body)
{
	struct main_ask *a = arg;
	a->status = status;
	a->body = *body;
	*body = (struct buf){0};
	loop_post(a->request->thread->loop, main_ask_on_worker, a);
}

/* --- what is asked ------------------------------------------------------- */

static void begin_inspect(struct main_ask *a)
{
	struct operand o = a->operand;
	a->operand = (struct operand){0}; /* taken */
	inspect_begin(a->request->thread->instance, &o, main_ask_done, a);
}

static void begin_purge(struct main_ask *a)
{
	struct operand o = a->operand;
	a->operand = (struct operand){0}; /* taken */
	purge_begin_described(
	    a->request->thread->instance, &o, main_ask_done, a);
}

static void begin_rejections(struct main_ask *a)
{
	const struct request *r = a->request;
	writer_ask_begin(r->thread->instance, r->route->head.method,
	    a->path.data, a->after, &r->body, main_ask_done, a);
}

static void main_ask_enter(
    struct request *r, void (*begin)(struct main_ask *a), bool changes)
{
	struct main_ask *a = MEM_NEW(struct main_ask);
	*a =
	    (struct main_ask){.request = r, .begin = begin, .changes = changes};
	r->main_ask = a;
}

static void inspect_enter(struct request *r)
{
	main_ask_enter(r, begin_inspect, false);
}

static void purge_enter(struct request *r)
{
	main_ask_enter(r, begin_purge, true);
}

static void rejections_enter(struct request *r)
{
	main_ask_enter(
	    r, begin_rejections, strcmp(r->route->head.method, "GET") != 0);
}

/* --- the steps ----------------------------------------------------------- */

static void main_ask_on_main(void *arg)
{
	struct main_ask *a = arg;
	struct buf none = {0};
	if (atomic_load(&a->request->thread->instance->draining))
		main_ask_done(a, 0, &none);
	else
		a->begin(a);
}

static enum step_result take_operand(struct request *r)
{
	struct path path;
	enum operand_fault fault = OPERAND_NO_KEY;
	if (path_parse(r->path, &path))
		fault = operand_take(&r->main_ask->operand,
		    router_value(&r->route->head, &path, "{name}"),
		    router_value(&r->route->head, &path, "{document}"),
		    r->thread->instance->partitions);
	path_free(&path);
	r->main_ask->operand.request = request_id(r);
	if (fault == OPERAND_OK)
		return STEP_MORE;
	return answer_problem(
	    r, operand_problem(fault), operand_fault_text(fault));
}

/* The path is made anew, so that nothing of the client's goes on unread. */
static enum step_result take_rejection(struct request *r)
{
	struct main_ask *a = r->main_ask;
	const struct path_segment *at = NULL;
	struct path path;
	struct position position;
	char text[POSITION_MAX_LEN];
	bool known = path_parse(r->path, &path);
	if (known)
		at = router_value(&r->route->head, &path, "{position}");
	known = known &&
		(at == NULL || position_parse(at->text, at->len, &position));
	buf_str(&a->path, "/rejections");
	if (known && at) {
		position_format(position, text);
		buf_printf(&a->path, "/%s%s", text,
		    strcmp(r->route->head.method, "POST") == 0 ? "/requeue"
							       : "");
	}
	path_free(&path);
	a->after = MHD_lookup_connection_value(
	    r->connection, MHD_GET_ARGUMENT_KIND, "after");
	return known ? STEP_MORE
		     : answer_problem(
			   r, PROBLEM_NOT_FOUND, "This is not a position.");
}

enum step_result main_ask_step(struct request *r)
{
	bool writer = r->main_ask->begin == begin_rejections;
	if ((writer ? take_rejection(r) : take_operand(r)) == STEP_DONE)
		return STEP_DONE;
	if (!request_may_park(r))
		return answer_problem(r, PROBLEM_BUFFER_FULL, NULL);
	r->main_ask->asking = true;
	request_deadline(r, r->thread->instance->settings->read_timeout);
	r->step = STEP_MAIN_ANSWER;
	loop_post(r->thread->instance->loop, main_ask_on_main, r->main_ask);
	return STEP_PARK;
}

/* The text of {"error":"…"}. Returns owned. */
static char *error_of(const struct buf *body)
{
	json_t *all =
	    json_loadb(body->len ? body->data : "", body->len, 0, NULL);
	const char *text = json_string_value(json_object_get(all, "error"));
	char *copy = mem_strdup(text ? text : "");
	json_decref(all);
	return copy;
}

/* The bodies that the reference systems answer. */
static void say_cleared(struct request *r)
{
	struct buf *body = &r->main_ask->body;
	bool layer5 = strcmp(r->route->head.pattern, "/clear-cache") == 0;
	buf_clear(body);
	buf_str(body, layer5 ? "{\"success\":true,\"message\":\"All caches "
			       "cleared\"}\n"
			     : "{\"message\":\"Cache cleared "
			       "successfully\"}\n");
}

/* What the writer or the main loop could not do. */
static enum step_result main_ask_refuse(struct request *r)
{
	struct main_ask *a = r->main_ask;
	if (a->begin == begin_purge)
		return answer_problem(r, PROBLEM_STORE_UNAVAILABLE,
		    "The memory of this instance is purged; Redis could not be "
		    "reached, or not all of it.");
	char *why = error_of(&a->body);
	enum problem p = a->status == 404   ? PROBLEM_NOT_FOUND
			 : a->status == 400 ? PROBLEM_INVALID_FILTER
			 : a->status < 500  ? PROBLEM_VALIDATION
					    : PROBLEM_STORE_UNAVAILABLE;
	enum step_result done = answer_problem(
	    r, p, *why ? why : "The writer has no such rejection.");
	free(why);
	return done;
}

enum step_result main_answer_step(struct request *r)
{
	struct main_ask *a = r->main_ask;
	if (a->changes)
		guard_audit_act(r, a->status ? a->status : 503);
	if (a->status == 0)
		return answer_problem(r, PROBLEM_STORE_UNAVAILABLE,
		    "The instance is shutting down.");
	if (a->status >= 300)
		return main_ask_refuse(r);
	if (r->feature == &clear_feature)
		say_cleared(r);
	return answer_json(r, a->status, &a->body);
}

static bool main_ask_release(struct request *r)
{
	return !r->main_ask->asking;
}

static void main_ask_free(struct request *r)
{
	operand_free(&r->main_ask->operand);
	buf_free(&r->main_ask->path);
	buf_free(&r->main_ask->body);
	free(r->main_ask);
	r->main_ask = NULL;
}

const struct feature inspect_feature = {
    .first = STEP_MAIN_ASK,
    .enter = inspect_enter,
    .release = main_ask_release,
    .free = main_ask_free,
};
const struct feature rejections_feature = {
    .first = STEP_MAIN_ASK,
    .enter = rejections_enter,
    .release = main_ask_release,
    .free = main_ask_free,
};
const struct feature purge_feature = {
    .first = STEP_MAIN_ASK,
    .enter = purge_enter,
    .release = main_ask_release,
    .free = main_ask_free,
};
const struct feature clear_feature = {
    .first = STEP_MAIN_ASK,
    .enter = purge_enter,
    .release = main_ask_release,
    .free = main_ask_free,
};
