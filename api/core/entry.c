#include "api/core/entry.h"

#include "api/core/admission.h"
#include "api/core/answer.h"
#include "api/core/body_intake.h"
#include "api/core/guard.h"
#include "api/core/header_budget.h"
#include "api/core/key_check.h"
#include "api/core/media.h"
#include "api/core/offer.h"
#include "api/core/route.h"
#include "api/core/settings.h"
#include "common/base/check.h"
#include "common/http/http_head.h"

#include <string.h>

/* --- the target ---------------------------------------------------------- */

static enum step_result entry_take_key(
    struct request *r, const struct collection *c, const char *key, size_t len)
{
	struct violations v = {0};
	if (key_check(c, key, len, &v)) {
		request_target(r, c, key, len);
		return STEP_MORE;
	}
	if (r->feature->no_key == NULL)
		return answer_violations(r, &v);
	violations_free(&v);
	return r->feature->no_key(r, key, len);
}

/* A caller who may not know the names of the collections learns none here. */
static enum step_result entry_no_collection(struct request *r)
{
	if (!admission_knows(r, VERB_docs))
		return admission_refuse(r);
	return answer_problem(
	    r, PROBLEM_COLLECTION_NOT_FOUND, "GET /v1 lists the collections.");
}

/* Finds the collection of the path. STEP_DONE: refused. */
static enum step_result entry_take_collection(
    struct request *r, const struct path *path)
{
	const struct route *route = r->route;
	const struct path_segment *name =
	    router_value(&route->head, path, "{collection}");
	if (name)
		r->target.collection = collection_find(name->text, name->len);
	else if (route->collection)
		r->target.collection = collection_find(
		    route->collection, strlen(route->collection));
	if (r->target.collection == NULL &&
	    (name || router_value(&route->head, path, "{key}")))
		return entry_no_collection(r);
	return STEP_MORE;
}

/* Finds the key of the path. STEP_DONE: refused. */
static enum step_result entry_take_key_of(
    struct request *r, const struct path *path)
{
	const struct path_segment *key =
	    router_value(&r->route->head, path, "{key}");
	return key ? entry_take_key(
			 r, r->target.collection, key->text, key->len)
		   : STEP_MORE;
}

/* Takes the group of the path. STEP_DONE: refused. */
static enum step_result entry_take_group(
    struct request *r, const struct path *path)
{
	struct violations v = {0};
	const struct path_segment *group =
	    router_value(&r->route->head, path, "{group}");
	if (group == NULL)
		return STEP_MORE;
	if (!key_check_group(group->text, group->len, &v))
		return answer_violations(r, &v);
	request_group(r, group->text, group->len);
	return STEP_MORE;
}

/* --- the route ----------------------------------------------------------- */

static enum step_result entry_refuse(struct request *r, struct buf *allow)
{
	if (allow->len == 0)
		return answer_problem(
		    r, PROBLEM_NOT_FOUND, "No route has this path.");
	if (strcmp(r->method, "OPTIONS") == 0)
		return guard_options(r, allow->data);
	struct MHD_Response *response =
	    answer_problem_response(r, PROBLEM_METHOD, NULL, NULL, NULL);
	MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, allow->data);
	return answer_queue(r, problem_status(PROBLEM_METHOD), response);
}

static enum step_result entry_find(
    struct request *r, const struct path *path, const struct http_head *head)
{
	struct buf allow = {0};
	r->route =
	    router_find(r->thread->instance->routes, r->method, path, &allow);
	enum step_result result = guard_head(r, head);
	if (result == STEP_MORE && r->route == NULL)
		result = entry_refuse(r, &allow);
	buf_free(&allow);
	return result;
}

/* The path cannot name anything. */
static enum step_result entry_malformed(struct request *r)
{
	if (strcmp(r->method, "GET") == 0 || strcmp(r->method, "HEAD") == 0)
		return answer_problem(r, PROBLEM_NOT_FOUND,
		    "The path has a malformed percent-encoding.");
	struct violations v = {0};
	violations_add(&v, "key", "the path has a malformed percent-encoding");
	return answer_violations(r, &v);
}

/* --- the body, according to the head ------------------------------------- */

static enum step_result entry_refuse_fault(
    struct request *r, const struct http_head_fault *fault)
{
	return answer_queue(r, fault->status, http_head_response(fault));
}

static enum step_result entry_look_at_size(
    struct request *r, const struct http_head *head)
{
	const struct api_settings *s = r->thread->instance->settings;
	bool many = r->route->body.policy == BODY_STREAMED;
	uint64_t most = (uint64_t)(many ? s->max_bulk : s->max_item);
	if (head->length == HTTP_HEAD_UNKNOWN || head->length <= most)
		return STEP_MORE;
	return answer_problem(r, PROBLEM_TOO_LARGE,
	    many ? "A bulk may have as many bytes as the setting "
		   "http.max_bulk says."
		 : "An item may have as many bytes as the setting "
		   "http.max_item says.");
}

static enum step_result entry_look_at_type(struct request *r)
{
	switch (r->route->body.media) {
	case MEDIA_ANY:
		return STEP_MORE;
	case MEDIA_DOCUMENT:
		return media_is_json(r)
			   ? STEP_MORE
			   : answer_problem(r, PROBLEM_MEDIA_TYPE,
				 "Send the document as application/json.");
	case MEDIA_PATCH:
		return media_is_patch(r)
			   ? STEP_MORE
			   : answer_problem(r, PROBLEM_MEDIA_TYPE,
				 "Send application/merge-patch+json or "
				 "application/vnd.sluice.increment+json.");
	case MEDIA_BULK:
		return media_is_json(r) || media_is(r, NDJSON_TYPE)
			   ? STEP_MORE
			   : answer_problem(r, PROBLEM_MEDIA_TYPE,
				 "Send a document, or an array of them, as "
				 "application/json, or one a line as "
				 "application/x-ndjson.");
	case MEDIA_LINES:
		return media_is(r, NDJSON_TYPE)
			   ? STEP_MORE
			   : answer_problem(r, PROBLEM_MEDIA_TYPE,
				 "Send one operation a line as "
				 "application/x-ndjson.");
	}
	UNREACHABLE("body of a route");
}

static enum step_result entry_look_at_body(
    struct request *r, const struct http_head *head)
{
	if (entry_look_at_size(r, head) == STEP_DONE)
		return STEP_DONE;
	if (head->encoded && head->length > 0)
		return entry_refuse_fault(r, &http_head_encoded);
	if (entry_look_at_type(r) == STEP_DONE)
		return STEP_DONE;
	/* A streamed body is never held as a whole. */
	if (r->route->body.policy != BODY_STREAMED &&
	    !body_intake_fits(head->length))
		return entry_refuse_fault(r, &http_head_full);
	return STEP_MORE;
}

/* --- in order ------------------------------------------------------------ */

/* The caller is refused before anything else is said about the request. */
static enum step_result entry_with_path(
    struct request *r, const struct path *path, const struct http_head *head)
{
	if (entry_find(r, path, head) == STEP_DONE)
		return STEP_DONE;
	r->feature = r->route->feature;
	r->step = r->feature->first;
	if (r->feature->enter)
		r->feature->enter(r);
	if (admission_identify(r) == STEP_DONE ||
	    guard_principal(r) == STEP_DONE || guard_limit(r) == STEP_DONE ||
	    entry_take_collection(r, path) == STEP_DONE ||
	    admission_permit(r) == STEP_DONE || offer_check(r) == STEP_DONE ||
	    entry_take_key_of(r, path) == STEP_DONE ||
	    entry_take_group(r, path) == STEP_DONE ||
	    entry_look_at_body(r, head) == STEP_DONE)
		return STEP_DONE;
	return r->feature->head ? r->feature->head(r) : STEP_MORE;
}

enum step_result entry_check(struct request *r, const struct http_head *head)
{
	r->origin = head->origin;
	if (header_budget_is_exceeded(
		r->connection, r->method, r->thread->instance->partitions))
		return answer_problem(r, PROBLEM_HEADERS_TOO_LARGE, NULL);
	struct path path;
	enum step_result result = path_parse(r->path, &path)
				      ? entry_with_path(r, &path, head)
				      : entry_malformed(r);
	path_free(&path);
	return result;
}
