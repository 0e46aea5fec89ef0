/* The way of a write: validate, append to the log, answer a receipt; or wait
 * for the tail to pass its position and answer what became of it.
 */
#include "api/write/write.h"

#include "api/core/answer.h"
#include "api/core/body_intake.h"
#include "api/read/read.h"
#include "api/service/backlog.h"
#include "api/service/schema_ready.h"
#include "common/base/log.h"

#include <stdlib.h>
#include <string.h>

enum { RETRY_MAX_S = 600 };

enum step_result write_step(struct request *r)
{
	if (r->route->surface->parse(r) == STEP_DONE) {
		metric_add(&r->worker->metrics->write_invalid, 1);
		return STEP_DONE;
	}
	body_intake_settle(r);
	r->step = r->id ? STEP_APPEND : STEP_KEY;
	return STEP_MORE;
}

/* --- append -------------------------------------------------------------- */

static void write_on_acked(void *arg, const struct delivery *d)
{
	struct request *r = arg;
	r->append = NULL;
	r->delivered = d->status;
	r->position.partition = d->partition;
	if (d->status == DELIVERY_OK)
		backlog_acked(r->worker->app->backlog, d->partition, d->offset);
	r->has_position = d->status == DELIVERY_OK &&
			  epoch_position(r->worker->app, d->partition,
			      d->offset, &r->position.version);
	request_resume(r);
}

static enum step_result write_unavailable(struct request *r, enum problem p)
{
	metric_add(&r->worker->metrics->write_refused, 1);
	return answer_problem(r, p, NULL);
}

/* Past its limit, the backlog sheds; Retry-After is when it may be below. */
static bool sheds(const struct worker *w, unsigned *retry_s)
{
	struct app *app = w->app;
	int64_t limit = app->settings->max_backlog;
	if (limit == 0)
		return false;
	struct backlog_report p = backlog_get(app->backlog);
	if (!p.known || p.backlog <= limit)
		return false;
	double seconds = p.decided_per_s > 0
			     ? (double)(p.backlog - limit) / p.decided_per_s
			     : RETRY_MAX_S;
	metric_add(&w->metrics->shed, 1);
	*retry_s = seconds < RETRY_MAX_S ? (unsigned)seconds + 1 : RETRY_MAX_S;
	return true;
}

bool write_refused(const struct worker *w, const struct collection *c,
    struct write_refusal *out)
{
	struct app *app = w->app;
	*out = (struct write_refusal){.retry_s = 1};
	if (schema_ready_misses(app->migrated, c)) {
		out->problem = PROBLEM_STORE_UNAVAILABLE;
		out->detail = "The collection's table is not migrated to its "
			      "declaration yet.";
		return true;
	}
	if (!write_log_up(app->write_log) || epoch_is_other(app->epoch)) {
		out->problem = PROBLEM_LOG_UNAVAILABLE;
		return true;
	}
	out->problem = PROBLEM_BUFFER_FULL;
	out->detail =
	    "The writers are too far behind the log (write.max_backlog).";
	return sheds(w, &out->retry_s);
}

static struct record_write record_of(const struct request *r)
{
	return (struct record_write){
	    .op = r->op,
	    .id = r->id,
	    .id_len = r->id_len,
	    .body = r->doc ? r->doc : r->body.data,
	    .body_len = r->doc ? r->doc_len : r->body.len,
	    .condition = r->condition,
	    .versions = r->versions.data ? r->versions.data : "",
	    .versions_len = r->versions.len,
	    .idempotency_key = r->idempotency_key,
	    .idempotency_len =
		r->idempotency_key ? strlen(r->idempotency_key) : 0,
	    .fingerprint = r->fingerprint,
	    .shape = r->collection->shape,
	};
}

enum step_result write_append_step(struct request *r)
{
	struct app *app = r->worker->app;
	struct write_refusal refusal;
	if (write_refused(r->worker, r->collection, &refusal)) {
		metric_add(&r->worker->metrics->write_refused, 1);
		return answer_retry(
		    r, refusal.problem, refusal.detail, refusal.retry_s);
	}
	if (!request_may_park(r))
		return write_unavailable(r, PROBLEM_BUFFER_FULL);
	const struct append_request a = {
	    .loop = r->worker->loop,
	    .partition = r->slot.partition,
	    .write = record_of(r),
	    .traceparent = request_header(r, "traceparent"),
	    .done = write_on_acked,
	    .arg = r,
	};
	struct err e = write_log_append(app->write_log, &a, &r->append);
	if (e.kind != ERR_KIND_OK)
		return write_unavailable(r, PROBLEM_BUFFER_FULL);
	body_intake_free(r); /* the producer has a copy */
	request_deadline(r, app->settings->write_timeout);
	r->step = STEP_ACKED;
	return STEP_PARK;
}

/* --- acknowledged -------------------------------------------------------- */

static enum step_result unknown(struct request *r, const char *why)
{
	metric_add(&r->worker->metrics->write_unknown, 1);
	log_event(EV_WRITE_UNKNOWN, "partition=%d id=%s reason=%s",
	    r->slot.partition, log_quote(r->id), why);
	return answer_problem(r, PROBLEM_OUTCOME_UNKNOWN, NULL);
}

enum step_result write_acked_step(struct request *r)
{
	struct worker *w = r->worker;
	if (r->expired)
		return unknown(r, "timeout");
	if (r->delivered == DELIVERY_UNKNOWN)
		return unknown(r, "delivery");
	if (r->delivered == DELIVERY_FAILED)
		return write_unavailable(r, PROBLEM_LOG_UNAVAILABLE);
	metric_add(&w->metrics->write_acked, 1);
	metric_observe(&w->metrics->write_ack, clock_mono() - r->started);
	if (r->wait_for == 0 || !r->has_position || w->draining)
		return r->route->surface->receipt(r);
	r->step = STEP_SETTLED;
	const struct tail *tail = w->app->tail;
	if (r->position.version < tail_through(tail, r->position.partition))
		return STEP_MORE; /* the commit was heard of first */
	r->deadline = r->started + r->wait_for;
	waiters_add(w->waits, &r->wait, r->position);
	return STEP_PARK;
}

/* --- settled ------------------------------------------------------------- */

static void write_on_decision(void *arg, const struct decision *d)
{
	struct request *r = arg;
	r->ask = NULL;
	r->decision = *d;
	request_resume(r);
}

/* Decided, and this instance does not know how, or not all of it. */
static enum step_result write_ask(struct request *r)
{
	struct worker *w = r->worker;
	r->ask = decision_ask(w->primary, r->position, write_on_decision, r);
	if (r->ask == NULL)
		return r->route->surface->receipt(r);
	request_deadline(r, w->app->settings->read_timeout);
	r->step = STEP_DECIDED;
	return STEP_PARK;
}

/* Does the mark tell all that the answer says? */
static bool known_whole(struct outcome o)
{
	return o.kind != OUTCOME_UNKNOWN &&
	       !(o.kind == OUTCOME_REJECTED &&
		   (o.reason == REASON_CONSTRAINT ||
		       o.reason == REASON_REPLAYED));
}

enum step_result write_settled_step(struct request *r)
{
	struct worker *w = r->worker;
	const struct tail *tail = w->app->tail;
	if (r->position.version >= tail_through(tail, r->position.partition))
		return r->route->surface->receipt(r); /* out of time */
	struct outcome o = outcomes_get(w->app->outcomes, r->position);
	if (!known_whole(o))
		return write_ask(r);
	metric_observe(&w->metrics->write_commit, clock_mono() - r->started);
	return r->route->surface->settled(r, o);
}

enum step_result write_decided_step(struct request *r)
{
	const struct decision *d = &r->decision;
	struct outcome o = {.kind = OUTCOME_APPLIED};
	if (d->state == DECISION_REJECTED)
		o = (struct outcome){OUTCOME_REJECTED, d->reason};
	else if (d->state != DECISION_COMMITTED)
		/* The receipt is true, a guess might not be. */
		return r->route->surface->receipt(r);
	else if (d->created)
		o.kind = OUTCOME_CREATED;
	if (d->replayed)
		r->position = d->first;
	/* The retry was given another key than the first. */
	if (d->replayed && r->creates && d->first_key[0])
		request_target(
		    r, r->collection, d->first_key, strlen(d->first_key));
	return r->route->surface->settled(r, o);
}

bool write_release(struct request *r)
{
	/* Its row may be read when it is committed. */
	if (!read_release(r))
		return false;
	if (r->append)
		write_log_abandon(r->append);
	r->append = NULL;
	decision_abandon(&r->ask);
	return true;
}

void write_free(struct request *r)
{
	read_free(r);
	buf_free(&r->versions);
	free(r->idempotency_key);
}

const struct feature write_feature = {
    .first = STEP_WRITE, .release = write_release, .free = write_free};
