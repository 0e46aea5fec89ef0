#include "api/core/exchange.h"

#include "api/core/answer.h"
#include "api/core/body_intake.h"
#include "api/core/entry.h"
#include "api/core/route.h"
#include "api/core/settings.h"
#include "common/base/check.h"
#include "common/base/mem.h"
#include "common/http/http_head.h"
#include "common/http/httpd.h"
#include "common/trace/tracer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef enum step_result (*step_fn)(struct request *r);

#define STEP(id, fn, what) [id] = fn,
static const step_fn steps[STEPS] = {
#include "api/core/steps.def"
};
#undef STEP

/* --- its span ------------------------------------------------------------- */

static void begin_trace(struct request *r)
{
	struct span_start start;
	if (!tracer_begin(r->thread->instance->tracer, r->traceparent,
		r->thread->jitter, &start))
		return;
	r->trace = MEM_NEW(struct span_start);
	*r->trace = start;
}

static void describe_answer(const struct request *r, struct span *s)
{
	unsigned status = r->code;
	char text[16];
	snprintf(text, sizeof text, "%u", status);
	if (status)
		span_number(s, "http.response.status_code", status);
	if (status >= 500)
		span_text(s, "error.type", text, strlen(text));
	if (status == 0)
		span_text(s, "error.type", "client_gone", 11);
	s->failed = status >= 500 || status == 0;
}

static void describe_request(const struct request *r, struct span *s)
{
	const struct api_settings *set = r->thread->instance->settings;
	const char *method = request_method(r);
	const char *scheme = *set->tls_cert ? "https" : "http";
	span_text(s, "http.request.method", method, strlen(method));
	span_text(s, "url.scheme", scheme, strlen(scheme));
	span_text(s, "url.path", r->path, strlen(r->path));
	if (r->route)
		span_text(s, "http.route", r->route->head.pattern,
		    strlen(r->route->head.pattern));
	if (r->target.collection)
		span_text(s, "sluice.collection", r->target.collection->name,
		    strlen(r->target.collection->name));
}

static void end_trace(struct request *r)
{
	char name[SPAN_NAME];
	snprintf(name, sizeof name, "%s%s%s", request_method(r),
	    r->route ? " " : "", r->route ? r->route->head.pattern : "");
	struct span *s = tracer_end(r->trace, SPAN_SERVER, name);
	describe_request(r, s);
	describe_answer(r, s);
	if (r->feature && r->feature->trace)
		r->feature->trace(r, s);
	tracer_send(r->thread->instance->tracer, s);
	free(r->trace);
	r->trace = NULL;
}

/* --- its life ------------------------------------------------------------- */

static void *exchange_begin(void *arg, struct MHD_Connection *c,
    const char *method, const char *path, const struct http_head *head,
    bool *refused)
{
	struct request *r = MEM_NEW(struct request);
	r->magic = REQUEST_MAGIC;
	r->thread = arg;
	r->connection = c;
	r->method = method;
	r->path = path;
	r->traceparent = head->traceparent;
	r->given_id = head->request_id;
	r->started = r->parking.peeked = clock_mono();
	if (r->thread->instance->tracer)
		begin_trace(r);
	r->refusal.possible = true;
	*refused = entry_check(r, head) == STEP_DONE;
	r->refusal.possible = false;
	if (*refused)
		r->step = STEP_REFUSED;
	return r;
}

enum step_result refused_step(struct request *r)
{
	struct MHD_Response *response = r->refusal.response;
	r->refusal.response = NULL;
	return answer_queue(r, r->refusal.status, response);
}

static enum httpd_body exchange_on_body(
    void *request, const char *data, size_t len, size_t *taken)
{
	struct request *r = request;
	if (r->parking.gone)
		return HTTPD_CLOSE;
	enum piece piece = PIECE_WHOLE;
	if (r->route->body.policy == BODY_STREAMED)
		piece = r->feature->piece(r, data, len, taken);
	if (piece == PIECE_PARK)
		request_park(r);
	if (piece != PIECE_WHOLE)
		return HTTPD_TAKEN;
	*taken = len;
	enum httpd_body what = body_intake_add(r, data, len);
	if (what != HTTPD_TAKEN)
		answer_count(r, what == HTTPD_LARGE ? 413 : 503);
	return what;
}

static enum MHD_Result exchange_run(void *request)
{
	struct request *r = request;
	CHECK(r->magic == REQUEST_MAGIC);
	if (r->parking.on)
		UNREACHABLE("a parked request runs");
	if (r->parking.gone)
		return MHD_NO;
	for (;;) {
		switch (steps[r->step](r)) {
		case STEP_MORE:
			continue;
		case STEP_PARK:
			request_park(r);
			return MHD_YES;
		case STEP_DONE:
			return r->rc;
		}
	}
}

static void exchange_end(void *request)
{
	struct request *r = request;
	CHECK(r->magic == REQUEST_MAGIC);
	/* libmicrohttpd ends no suspended request. Another thread completes a
	 * request only while it is parked, so no thread will touch this one. */
	CHECK(!r->parking.on);
	/* The client may have left after the request was resumed and before it
	 * ran. Then it still holds the things that it was resumed for. */
	CHECK(request_release(r));
	r->magic = 0;
	if (r->thread->instance->log_request)
		r->thread->instance->log_request(r);
	if (r->trace)
		end_trace(r);
	if (r->refusal.response)
		MHD_destroy_response(r->refusal.response);
	if (r->feature && r->feature->free)
		r->feature->free(r);
	body_intake_free(r);
	free(r->target.id);
	principal_unref(&r->principal);
	free(r);
}

const struct httpd_ops exchange_ops = {
    exchange_begin, exchange_on_body, exchange_run, exchange_end};
