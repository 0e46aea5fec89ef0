#include "api/routes.h"

#include "api/bulk/bulk.h"
#include "api/compat/compat_rows.h"
#include "api/core/answer.h"
#include "api/core/body_intake.h"
#include "api/core/header_budget.h"
#include "api/core/native.h"
#include "api/http/offer.h"
#include "api/http/path.h"
#include "api/service/assets.h"
#include "api/service/service.h"
#include "api/write/validate.h"

#include "common/base/check.h"

#include <string.h>

static const struct route routes[] = {
#define ROUTE(method, pattern, body, step, surface, op, page)                  \
	{method, pattern, body, step, surface, op, page},
#include "api/routes.def"
#undef ROUTE
};
enum { ROUTES = sizeof routes / sizeof routes[0] };

const struct route *route_at(size_t i)
{
	return i < ROUTES ? &routes[i] : NULL;
}

/* --- matching ------------------------------------------------------------ */

/* Does the path fit the pattern? */
static bool routes_fits(const struct path *path, const char *pattern)
{
	/* `_…` is reserved in /v1; a key that begins so is sent as %5F…. */
	bool reserves = strncmp(pattern, "/v1/", 4) == 0;
	size_t i = 0;
	for (const char *s = pattern; *s == '/'; i++) {
		size_t len = strcspn(++s, "/");
		if (i >= path->n)
			return false;
		const struct path_segment *seg = &path->segments[i];
		if (*s == '{') {
			if (reserves && seg->reserved)
				return false;
		} else if (seg->len != len || memcmp(seg->text, s, len) != 0) {
			return false;
		}
		s += len;
	}
	return i == path->n;
}

static bool allows(const struct route *route, const char *method)
{
	return strcmp(route->method, method) == 0 ||
	       (strcmp(method, "HEAD") == 0 &&
		   strcmp(route->method, "GET") == 0);
}

static const struct route *routes_find(
    const struct request *r, const struct path *path, struct buf *allow)
{
	for (size_t i = 0; i < ROUTES; i++) {
		if (!routes_fits(path, routes[i].pattern))
			continue;
		if (allows(&routes[i], r->method))
			return &routes[i];
		buf_printf(allow, "%s%s%s", allow->len ? ", " : "",
		    routes[i].method,
		    strcmp(routes[i].method, "GET") == 0 ? ", HEAD" : "");
	}
	return NULL;
}

/* --- the target ---------------------------------------------------------- */

static bool has_name(const char *pattern, const char *name)
{
	return strstr(pattern, name) != NULL;
}

/* What is no key of the collection is no row's either: to a read it is absent,
 * in any other form than the one that keys have. */
static enum step_result routes_take_key(
    struct request *r, const struct collection *c, const char *key, size_t len)
{
	struct violations v = {0};
	if (validate_key(c, key, len, &v)) {
		request_target(r, c, key, len);
		return STEP_MORE;
	}
	if (r->route->step != STEP_READ)
		return answer_violations(r, &v);
	violations_free(&v);
	r->reading = true;
	r->way = LOOKUP_NONE; /* nothing is asked for it */
	return r->route->surface->absent(r, key, len);
}

/* The collection and the key of the path; STEP_DONE: refused. */
static enum step_result take_target(struct request *r, const struct path *path)
{
	const char *pattern = r->route->pattern;
	bool named = has_name(pattern, "{collection}");
	bool keyed = has_name(pattern, "{key}");
	const struct collection *c = collection_find("records", 7);
	if (named)
		c = collection_find(
		    path->segments[1].text, path->segments[1].len);
	if (c == NULL && !named && !keyed)
		return STEP_MORE;
	if (c == NULL)
		return answer_problem(r, PROBLEM_COLLECTION_NOT_FOUND,
		    "GET /v1 lists the collections.");
	r->collection = c;
	if (!keyed)
		return STEP_MORE;
	const struct path_segment *key = &path->segments[path->n - 1];
	return routes_take_key(r, c, key->text, key->len);
}

static enum step_result routes_refuse(struct request *r, struct buf *allow)
{
	if (allow->len == 0)
		return answer_problem(
		    r, PROBLEM_NOT_FOUND, "No route has this path.");
	struct MHD_Response *response =
	    answer_problem_response(PROBLEM_METHOD, NULL, NULL, NULL);
	MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, allow->data);
	return answer_queue(r, problem_status(PROBLEM_METHOD), response);
}

static enum step_result route_path(struct request *r, const struct path *path)
{
	struct buf allow = {0};
	r->route = routes_find(r, path, &allow);
	enum step_result result = STEP_MORE;
	if (r->route == NULL)
		result = routes_refuse(r, &allow);
	buf_free(&allow);
	if (result == STEP_DONE)
		return STEP_DONE;
	r->op = r->route->op;
	r->step = r->route->step;
	if (offer_check(r) == STEP_DONE)
		return STEP_DONE;
	return take_target(r, path);
}

/* It names nothing that there could be. */
static enum step_result routes_malformed(struct request *r)
{
	if (strcmp(r->method, "GET") == 0 || strcmp(r->method, "HEAD") == 0)
		return answer_problem(r, PROBLEM_NOT_FOUND,
		    "The path has a malformed percent-encoding.");
	struct violations v = {0};
	violations_add(&v, "key", "the path has a malformed percent-encoding");
	return answer_violations(r, &v);
}

/* --- the body, by what the head says of it ------------------------------- */

static enum step_result refuse_fault(
    struct request *r, const struct http_head_fault *fault)
{
	return answer_queue(r, fault->status, http_head_response(fault));
}

static enum step_result look_at_size(
    struct request *r, const struct http_head *head)
{
	const struct api_settings *s = r->worker->app->settings;
	bool many = r->route->body == BODY_BULK;
	uint64_t most = (uint64_t)(many ? s->max_bulk : s->max_item);
	if (head->length == HTTP_HEAD_UNKNOWN || head->length <= most)
		return STEP_MORE;
	return answer_problem(r, PROBLEM_TOO_LARGE,
	    many ? "A bulk may have as many bytes as the setting "
		   "http.max_bulk says."
		 : "An item may have as many bytes as the setting "
		   "http.max_item says.");
}

static enum step_result look_at_type(struct request *r)
{
	switch (r->route->body) {
	case BODY_NONE:
		return STEP_MORE;
	case BODY_DOCUMENT:
		return native_has_json(r)
			   ? STEP_MORE
			   : answer_problem(r, PROBLEM_MEDIA_TYPE,
				 "Send the document as application/json.");
	case BODY_PATCH:
		return native_has_patch(r)
			   ? STEP_MORE
			   : answer_problem(r, PROBLEM_MEDIA_TYPE,
				 "Send application/merge-patch+json or "
				 "application/vnd.sluice.increment+json.");
	case BODY_BULK:
		return native_has_json(r) || bulk_has_lines(r)
			   ? STEP_MORE
			   : answer_problem(r, PROBLEM_MEDIA_TYPE,
				 "Send a document, or an array of them, as "
				 "application/json, or one a line as "
				 "application/x-ndjson.");
	}
	UNREACHABLE("body of a route");
}

static enum step_result look_at_body(
    struct request *r, const struct http_head *head)
{
	if (look_at_size(r, head) == STEP_DONE)
		return STEP_DONE;
	if (head->encoded && head->length > 0)
		return refuse_fault(r, &http_head_encoded);
	if (look_at_type(r) == STEP_DONE)
		return STEP_DONE;
	/* Of a bulk, no more is held than of one item. */
	if (r->route->body != BODY_BULK && !body_intake_fits(head->length))
		return refuse_fault(r, &http_head_full);
	return r->route->body == BODY_BULK && bulk_has_lines(r)
		   ? bulk_begin_lines(r)
		   : STEP_MORE;
}

enum step_result route_request(struct request *r, const struct http_head *head)
{
	if (header_budget_is_exceeded(
		r->connection, r->method, r->worker->app->partitions))
		return answer_problem(r, PROBLEM_HEADERS_TOO_LARGE, NULL);
	struct path path;
	enum step_result result = path_parse(r->path, &path)
				      ? route_path(r, &path)
				      : routes_malformed(r);
	path_free(&path);
	return result == STEP_MORE ? look_at_body(r, head) : STEP_DONE;
}
