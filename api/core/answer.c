#include "api/core/answer.h"

#include "api/core/admission.h"
#include "api/core/guard.h"
#include "api/core/metrics.h"
#include "api/core/route.h"
#include "api/limits/budget.h"
#include "common/base/check.h"
#include "common/base/mem.h"
#include "common/http/http_head.h"
#include "common/http/httpd.h"
#include "common/http/request_id.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define RETRY_AFTER_S "1"

static void count_for_collection(const struct request *r, unsigned status)
{
	struct collection_metrics *m =
	    &r->thread->collection_metrics[r->target.collection->index];
	bool reads = r->method[0] == 'G' || r->method[0] == 'H';
	metric_add(reads ? &m->reads : &m->writes, 1);
	if (status >= 500)
		metric_add(&m->errors, 1);
}

static void note_exemplar(const struct request *r)
{
	struct metric_exemplar x = {.us = r->took, .at = clock_wall()};
	trace_context_id(&r->trace->self, x.trace);
	api_exemplars_note(r->thread->exemplars, r->route != NULL,
	    r->route ? r->route->head.verb : VERB_read, r->method, &x);
}

void answer_count(struct request *r, unsigned status)
{
	struct api_metrics *m = r->thread->metrics;
	if (status < 300)
		metric_add(&m->responses_2xx, 1);
	else if (status < 400)
		metric_add(&m->responses_3xx, 1);
	else if (status < 500)
		metric_add(&m->responses_4xx, 1);
	else
		metric_add(&m->responses_5xx, 1);
	if (r->target.collection)
		count_for_collection(r, status);
	r->code = status;
	r->took = clock_mono() - r->started;
	api_metric_request(m, r->route != NULL,
	    r->route ? r->route->head.verb : VERB_read, r->method, r->took);
	if (r->trace)
		note_exemplar(r);
}

enum step_result answer_shared(
    struct request *r, unsigned status, struct MHD_Response *response)
{
	r->rc = MHD_queue_response(r->connection, status, response);
	if (r->rc == MHD_YES)
		httpd_answers(r->connection);
	answer_count(r, status);
	return STEP_DONE;
}

enum step_result answer_queue(
    struct request *r, unsigned status, struct MHD_Response *response)
{
	if (r->refusal.possible) {
		r->refusal.response = response;
		r->refusal.status = status;
		return STEP_DONE;
	}
	if (r->feature && r->feature->describe)
		r->feature->describe(r, response);
	admission_describe(r, response);
	guard_describe(r, response);
	MHD_add_response_header(response, REQUEST_ID_HEADER, request_id(r));
	if (r->thread->draining)
		MHD_add_response_header(
		    response, MHD_HTTP_HEADER_CONNECTION, "close");
	enum step_result done = answer_shared(r, status, response);
	MHD_destroy_response(response);
	return done;
}

/* A body that counts in budget_answers until the client has taken it. It is
 * never refused: a small one is cheaper than the refusal, and the answer to a
 * bulk says which items were accepted. */
struct counted {
	char *data;
	size_t held;
};

static void free_counted(void *arg)
{
	struct counted *c = arg;
	budget_set(&budget_answers, &c->held, 0);
	free(c->data);
	free(c);
}

static struct MHD_Response *counted(char *data, size_t len)
{
	struct counted *c = MEM_NEW(struct counted);
	c->data = data;
	budget_set(&budget_answers, &c->held, len);
	return MHD_create_response_from_buffer_with_free_callback_cls(
	    len, data, free_counted, c);
}

struct MHD_Response *answer_body(
    struct request *r, struct buf *body, const char *type)
{
	enum { LITTLE = 4096 }; /* too small to be counted */
	size_t len;
	char *data = buf_take(body, &len);
	r->bytes = (int64_t)len;
	struct MHD_Response *response =
	    len > LITTLE ? counted(data, len)
			 : MHD_create_response_from_buffer(
			       len, data, MHD_RESPMEM_MUST_FREE);
	http_head_type(response, type);
	return response;
}

static ssize_t read_nothing(void *arg, uint64_t at, char *to, size_t max)
{
	(void)arg;
	(void)at;
	(void)to;
	(void)max;
	return MHD_CONTENT_READER_END_OF_STREAM;
}

/* Before 1.0, libmicrohttpd sends the end of a chunked body even for a HEAD.
 * Therefore the response must not be chunked, and the connection is closed. */
struct MHD_Response *answer_head_of_stream(const char *type)
{
	struct MHD_Response *response = MHD_create_response_from_callback(
	    MHD_SIZE_UNKNOWN, 1, read_nothing, NULL, NULL);
	CHECK(response != NULL);
	MHD_set_response_options(
	    response, MHD_RF_HTTP_1_0_COMPATIBLE_STRICT, MHD_RO_END);
	http_head_type(response, type);
	return response;
}

enum step_result answer_json(
    struct request *r, unsigned status, struct buf *body)
{
	return answer_queue(
	    r, status, answer_body(r, body, "application/json"));
}

struct MHD_Response *answer_problem_response(struct request *r, enum problem p,
    const char *detail, const struct violations *v, const char *extra)
{
	struct buf body = {0}, more = {0};
	buf_str(&more, extra ? extra : "");
	buf_printf(&more, ",\"request_id\":\"%s\"", request_id(r));
	problem_write(&body, p, detail, v, more.data);
	buf_free(&more);
	struct MHD_Response *response =
	    answer_body(r, &body, "application/problem+json");
	if (problem_status(p) == 503)
		MHD_add_response_header(
		    response, MHD_HTTP_HEADER_RETRY_AFTER, RETRY_AFTER_S);
	return response;
}

enum step_result answer_problem(
    struct request *r, enum problem p, const char *detail)
{
	return answer_queue(r, problem_status(p),
	    answer_problem_response(r, p, detail, NULL, NULL));
}

enum step_result answer_full(struct request *r)
{
	return answer_problem(r, PROBLEM_STORE_UNAVAILABLE,
	    "Responses that clients have not read yet use all the memory that "
	    "the setting http.answer_budget allows.");
}

enum step_result answer_retry(
    struct request *r, enum problem p, const char *detail, unsigned seconds)
{
	struct MHD_Response *response =
	    answer_problem_response(r, p, detail, NULL, NULL);
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
	    answer_problem_response(r, PROBLEM_VALIDATION, NULL, v, NULL);
	violations_free(v);
	return answer_queue(r, problem_status(PROBLEM_VALIDATION), response);
}
