#include "api/intake.h"

#include "api/answer.h"
#include "api/budget.h"

#include <stdlib.h>

enum { FIRST = 1024 };

/* Bytes that the body may come to: what its client says, or the most. */
static size_t expected(const struct request *r)
{
	size_t max = (size_t)r->worker->app->settings->max_item;
	const char *length = request_header(r, MHD_HTTP_HEADER_CONTENT_LENGTH);
	unsigned long long n = length ? strtoull(length, NULL, 10) : 0;
	return n > 0 && n < max ? (size_t)n : max;
}

/* Doubles, but not past what may come; with the NUL. */
static size_t room_for(const struct request *r, size_t len)
{
	size_t need = r->body.len + len + 1, most = expected(r) + 1;
	size_t cap = r->body.cap ? 2 * r->body.cap : FIRST;
	if (cap > most)
		cap = most;
	return cap > need ? cap : need;
}

static void let_go(struct request *r)
{
	buf_free(&r->body);
	budget_set(&budget_bodies, &r->held, 0);
}

void intake_add(struct request *r, const char *data, size_t len)
{
	size_t max = (size_t)r->worker->app->settings->max_item;
	if (r->too_large || r->no_room)
		return;
	r->too_large = r->body.len + len > max;
	if (!r->too_large && r->body.len + len + 1 > r->body.cap) {
		size_t cap = room_for(r, len);
		r->no_room = !budget_take(&budget_bodies, &r->held, cap);
		if (!r->no_room)
			buf_reserve(&r->body, cap);
		httpd_holds(r->connection, r->held);
	}
	if (r->too_large || r->no_room)
		let_go(r);
	else
		buf_add(&r->body, data, len);
}

void intake_settle(struct request *r)
{
	if (r->doc)
		buf_free(&r->body);
	budget_set(&budget_bodies, &r->held, r->doc ? r->doc_len : r->body.cap);
}

void intake_free(struct request *r)
{
	free(r->doc);
	r->doc = NULL;
	r->doc_len = 0;
	let_go(r);
}

enum step_result intake_refuse(struct request *r)
{
	struct MHD_Response *response =
	    answer_problem_response(PROBLEM_BUFFER_FULL,
		"The bodies of the requests in hand take as much memory as the "
		"setting http.body_budget allows.",
		NULL, NULL);
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
	return answer_queue(r, problem_status(PROBLEM_BUFFER_FULL), response);
}
