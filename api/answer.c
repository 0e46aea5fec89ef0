#include "api/answer.h"

#include <stdio.h>

#define RETRY_AFTER_S "1"

static void count(struct request *r, unsigned status)
{
	struct api_metrics *m = r->worker->metrics;
	if (status < 300)
		metric_add(&m->responses_2xx, 1);
	else if (status < 400)
		metric_add(&m->responses_3xx, 1);
	else if (status < 500)
		metric_add(&m->responses_4xx, 1);
	else
		metric_add(&m->responses_5xx, 1);
}

enum step_result answer_shared(
    struct request *r, unsigned status, struct MHD_Response *response)
{
	r->rc = MHD_queue_response(r->connection, status, response);
	count(r, status);
	return STEP_DONE;
}

enum step_result answer_queue(
    struct request *r, unsigned status, struct MHD_Response *response)
{
	if (r->worker->draining)
		MHD_add_response_header(
		    response, MHD_HTTP_HEADER_CONNECTION, "close");
	enum step_result done = answer_shared(r, status, response);
	MHD_destroy_response(response);
	return done;
}

struct MHD_Response *answer_body(struct buf *body, const char *type)
{
	size_t len;
	char *data = buf_take(body, &len);
	struct MHD_Response *response =
	    MHD_create_response_from_buffer(len, data, MHD_RESPMEM_MUST_FREE);
	if (type)
		MHD_add_response_header(
		    response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	return response;
}

enum step_result answer_json(
    struct request *r, unsigned status, struct buf *body)
{
	return answer_queue(r, status, answer_body(body, "application/json"));
}

struct MHD_Response *answer_problem_response(enum problem p, const char *detail,
    const struct violations *v, const char *extra)
{
	struct buf body = {0};
	problem_write(&body, p, detail, v, extra);
	struct MHD_Response *response =
	    answer_body(&body, "application/problem+json");
	if (problem_status(p) == 503)
		MHD_add_response_header(
		    response, MHD_HTTP_HEADER_RETRY_AFTER, RETRY_AFTER_S);
	return response;
}

enum step_result answer_problem(
    struct request *r, enum problem p, const char *detail)
{
	return answer_queue(r, problem_status(p),
	    answer_problem_response(p, detail, NULL, NULL));
}

enum step_result answer_retry(
    struct request *r, enum problem p, const char *detail, unsigned seconds)
{
	struct MHD_Response *response =
	    answer_problem_response(p, detail, NULL, NULL);
	char text[16];
	snprintf(text, sizeof text, "%u", seconds);
	MHD_del_response_header(
	    response, MHD_HTTP_HEADER_RETRY_AFTER, RETRY_AFTER_S);
	MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, text);
	return answer_queue(r, problem_status(p), response);
}

enum step_result answer_violations(struct request *r, struct violations *v)
{
	struct MHD_Response *response =
	    answer_problem_response(PROBLEM_VALIDATION, NULL, v, NULL);
	violations_free(v);
	return answer_queue(r, problem_status(PROBLEM_VALIDATION), response);
}

/* One member for the whole, then one per tier that could not help. */
void answer_cache_status(const struct request *r, char out[160])
{
	static const char *const tiers[] = {
	    [TIER_NONE] = "sluice; fwd=miss",
	    [TIER_L1] = VALUE_L1_STATUS,
	    [TIER_REDIS] = "sluice; hit; detail=redis",
	    [TIER_REPLICA] = "sluice; fwd=miss; detail=replica",
	    [TIER_PRIMARY] = "sluice; fwd=miss; detail=primary",
	};
	const char *redis = "", *replica = "", *primary = "", *tail = "";
	if (r->skipped & SKIP_REDIS_DOWN)
		redis = ", redis; detail=down";
	if (r->skipped & SKIP_REPLICA_DOWN)
		replica = ", replica; detail=down";
	if (r->skipped & SKIP_REPLICA_BEHIND)
		replica = ", replica; detail=behind";
	if (r->skipped & SKIP_PRIMARY_DOWN)
		primary = ", primary; detail=down";
	if (r->skipped & SKIP_PRIMARY_BEHIND)
		primary = ", primary; detail=behind";
	if ((r->skipped & SKIP_TAIL_CLOSED) || !tail_up(r->worker->app->tail))
		tail = ", tail; detail=down";
	snprintf(out, 160, "%s%s%s%s%s%s", tiers[r->tier],
	    r->collapsed ? "; collapsed" : "", redis, replica, primary, tail);
}
