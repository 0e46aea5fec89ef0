/* The outcomes of the items of a bulk, and its answer. */
#include "api/bulk/bulk_priv.h"
#include "api/commits/commit_wait.h"
#include "api/commits/tail.h"
#include "api/core/answer.h"
#include "api/core/media.h"
#include "api/write/native.h"
#include "api/write/write.h"
#include "common/http/http_head.h"

#include <stdio.h>

/* --- outcomes ------------------------------------------------------------ */

bool bulk_settle(struct request *r)
{
	struct bulk *b = r->bulk;
	struct instance *instance = r->thread->instance;
	size_t first = b->results.n;
	for (size_t i = b->settled; i < b->results.n; i++) {
		const struct result *x = &b->results.items[i];
		const struct position p = {x->partition, x->version};
		bool open = bulk_results_open(&b->results, i);
		bool passed = open && p.version < tail_through(instance->tail,
						      p.partition);
		if ((x->kind == RESULT_PENDING || open != passed) && i < first)
			first = i;
		if (!passed)
			continue;
		struct outcome_first of;
		struct outcome o = outcomes_get(instance->outcomes, p, &of);
		if (o.kind == OUTCOME_UNKNOWN)
			continue;
		bulk_results_settled(&b->results, i, o);
		if (o.replayed)
			bulk_results_replayed(&b->results, i, of.key);
	}
	b->settled = first;
	return first == b->results.n;
}

enum step_result bulk_commit_step(struct request *r)
{
	struct bulk *b = r->bulk;
	r->step = STEP_BULK_ANSWER;
	if (r->write->wait_for == 0 || bulk_settle(r) || r->parking.expired ||
	    r->thread->draining)
		return STEP_MORE;
	const struct result *x = &b->results.items[b->settled];
	r->step = STEP_BULK_COMMIT;
	return commit_wait(r, (struct position){x->partition, x->version});
}

/* --- the answer ---------------------------------------------------------- */

static void add_headers(struct request *r, struct MHD_Response *response)
{
	struct bulk *b = r->bulk;
	struct buf text = {0};
	bulk_results_positions(
	    &b->results, r->thread->instance->partitions, &text);
	if (text.len)
		MHD_add_response_header(response, "Sluice-Position", text.data);
	buf_clear(&text);
	prefer_applied(&r->write->prefer,
	    r->write->prefer.return_minimal ? PREFER_NOTHING : PREFER_STATE,
	    &text);
	if (text.len)
		MHD_add_response_header(
		    response, "Preference-Applied", text.data);
	buf_free(&text);
}

static enum step_result answer_stopped(struct request *r)
{
	struct bulk *b = r->bulk;
	if (b->header.n)
		return answer_violations(r, &b->header);
	if (b->retry_s)
		return answer_retry(
		    r, b->problem, b->detail[0] ? b->detail : NULL, b->retry_s);
	struct buf extra = {0};
	if (b->has_offset)
		buf_printf(&extra, ",\"offset\":%zu", b->offset);
	buf_printf(&extra, ",\"items\":%zu,\"results\":", b->results.n);
	bulk_results_write(&b->results,
	    (struct bulk_results_words){.form = BULK_RESULTS_ARRAY,
		.minimal = r->write->prefer.return_minimal,
		.waited = r->write->wait_for > 0},
	    &extra);
	struct MHD_Response *response =
	    answer_problem_response(r, b->problem, b->detail, NULL, extra.data);
	buf_free(&extra);
	add_headers(r, response);
	return answer_queue(r, problem_status(b->problem), response);
}

enum step_result bulk_answer_step(struct request *r)
{
	struct bulk *b = r->bulk;
	struct buf body = {0};
	bool lines = b->split.form == BULK_SPLIT_LINES;
	if (b->stopped)
		return answer_stopped(r);
	bulk_results_write(&b->results,
	    (struct bulk_results_words){
		.form = lines ? BULK_RESULTS_LINES : BULK_RESULTS_ARRAY,
		.minimal = r->write->prefer.return_minimal,
		.waited = r->write->wait_for > 0},
	    &body);
	struct MHD_Response *response =
	    answer_body(r, &body, lines ? NDJSON_TYPE : "application/json");
	add_headers(r, response);
	if (bulk_results_have(&b->results, 503))
		MHD_add_response_header(
		    response, MHD_HTTP_HEADER_RETRY_AFTER, "1");
	return answer_queue(r, r->write->wait_for ? 200 : 202, response);
}
