/* The steps of a write: validate, append to the log, answer with a receipt; or
 * wait until the tail passes its position, and answer with its outcome.
 */
#include "api/write/write.h"

#include "api/commits/backlog.h"
#include "api/commits/commit_wait.h"
#include "api/commits/epoch.h"
#include "api/commits/tail.h"
#include "api/core/answer.h"
#include "api/core/body_intake.h"
#include "api/core/guard.h"
#include "api/core/settings.h"
#include "api/read/lookup.h"
#include "api/read/read.h"
#include "api/write/schema_ready.h"
#include "api/write/write_trace.h"
#include "common/base/log.h"
#include "common/base/mem.h"

#include <stdlib.h>
#include <string.h>

enum { RETRY_MAX_S = 600 };

enum step_result write_step(struct request *r)
{
	if (r->route->surface->parse(r) == STEP_DONE) {
		metric_add(&r->thread->metrics->write_invalid, 1);
		return STEP_DONE;
	}
	body_intake_settle(r, r->write->doc_len);
	r->step = r->target.id ? STEP_APPEND : STEP_KEY;
	return STEP_MORE;
}

/* --- append -------------------------------------------------------------- */

static void write_on_acked(void *arg, const struct delivery *d)
{
	struct request *r = arg;
	r->write->append = NULL;
	write_trace_end(r, &r->write->send, d);
	r->write->delivered = d->status;
	r->write->position.partition = d->partition;
	if (d->status == DELIVERY_OK)
		backlog_acked(
		    r->thread->instance->backlog, d->partition, d->offset);
	r->write->has_position =
	    d->status == DELIVERY_OK &&
	    epoch_position(r->thread->instance, d->partition, d->offset,
		&r->write->position.version);
	request_resume(r);
}

static enum step_result write_unavailable(struct request *r, enum problem p)
{
	metric_add(&r->thread->metrics->write_refused, 1);
	return answer_problem(r, p, NULL);
}

/* True: the backlog exceeds its limit, so the write is shed. *retry_s: when the
 * backlog may be below the limit again. */
static bool sheds(const struct thread *t, unsigned *retry_s)
{
	struct instance *instance = t->instance;
	int64_t limit = instance->settings->max_backlog;
	if (limit == 0)
		return false;
	struct backlog_report p = backlog_get(instance->backlog);
	if (!p.known || p.backlog <= limit)
		return false;
	double seconds = p.decided_per_s > 0
			     ? (double)(p.backlog - limit) / p.decided_per_s
			     : RETRY_MAX_S;
	metric_add(&t->metrics->shed, 1);
	*retry_s = seconds < RETRY_MAX_S ? (unsigned)seconds + 1 : RETRY_MAX_S;
	return true;
}

bool write_refused(const struct thread *t, const struct collection *c,
    struct write_refusal *out)
{
	struct instance *instance = t->instance;
	*out = (struct write_refusal){.retry_s = 1};
	if (c && schema_ready_misses(instance->migrated, c)) {
		out->problem = PROBLEM_STORE_UNAVAILABLE;
		out->detail = "The collection's table is not migrated to its "
			      "declaration yet.";
		return true;
	}
	if (!write_log_up(instance->write_log) ||
	    epoch_is_other(instance->epoch)) {
		out->problem = PROBLEM_LOG_UNAVAILABLE;
		return true;
	}
	out->problem = PROBLEM_BUFFER_FULL;
	out->detail =
	    "The writers are too far behind the log (write.max_backlog).";
	return sheds(t, &out->retry_s);
}

struct record_text write_by(const struct request *r)
{
	const char *by = r->principal ? principal_subject(r->principal) : "";
	return (struct record_text){*by ? by : NULL, strlen(by)};
}

/* What the writer must find in the row. */
static struct record_text write_owner(const struct request *r, bool field)
{
	if (r->right != RIGHT_OWN)
		return (struct record_text){0};
	const char *text =
	    field ? r->target.collection->owner.field->name : request_owner(r);
	return (struct record_text){text, strlen(text)};
}

static struct record_write record_of(const struct request *r)
{
	return (struct record_write){
	    .op = r->write->op,
	    .id = r->target.id,
	    .id_len = r->target.id_len,
	    .body = r->write->doc ? r->write->doc : r->body.data,
	    .body_len = r->write->doc ? r->write->doc_len : r->body.len,
	    .condition = r->write->condition,
	    .versions = r->write->versions.data ? r->write->versions.data : "",
	    .versions_len = r->write->versions.len,
	    .idempotency_key = r->write->idempotency_key,
	    .idempotency_len = r->write->idempotency_key
				   ? strlen(r->write->idempotency_key)
				   : 0,
	    .fingerprint = r->write->fingerprint,
	    .shape = r->target.collection ? r->target.collection->shape : 0,
	    .by = write_by(r),
	    .owner_field = write_owner(r, true),
	    .owner = write_owner(r, false),
	};
}

static void write_drop_document(struct write_op *w)
{
	free(w->doc);
	w->doc = NULL;
	w->doc_len = 0;
}

enum step_result write_append_step(struct request *r)
{
	struct instance *instance = r->thread->instance;
	struct write_refusal refusal;
	if (write_refused(r->thread, r->target.collection, &refusal)) {
		metric_add(&r->thread->metrics->write_refused, 1);
		return answer_retry(
		    r, refusal.problem, refusal.detail, refusal.retry_s);
	}
	if (!request_may_park(r))
		return write_unavailable(r, PROBLEM_BUFFER_FULL);
	char text[TRACE_CONTEXT_LEN + 1];
	struct append_request a = {
	    .loop = r->thread->loop,
	    .partition = r->target.slot.partition,
	    .write = record_of(r),
	    .done = write_on_acked,
	    .arg = r,
	};
	a.write.traceparent = write_trace_begin(r, 0, text, &r->write->send);
	struct err e =
	    write_log_append(instance->write_log, &a, &r->write->append);
	if (e.kind != ERR_KIND_OK)
		return write_unavailable(r, PROBLEM_BUFFER_FULL);
	body_intake_free(r); /* the producer has a copy */
	write_drop_document(r->write);
	r->write->appended = clock_mono();
	request_deadline(r, instance->settings->write_timeout);
	r->step = STEP_ACKED;
	return STEP_PARK;
}

/* --- acknowledged -------------------------------------------------------- */

static enum step_result unknown(struct request *r, const char *why)
{
	metric_add(&r->thread->metrics->write_unknown, 1);
	log_event(EV_WRITE_UNKNOWN, "partition=%d id=%s reason=%s request=%s",
	    r->target.slot.partition, log_quote(r->target.id), why,
	    log_quote(request_id(r)));
	return answer_problem(r, PROBLEM_OUTCOME_UNKNOWN, NULL);
}

void write_count_accepted(const struct request *r)
{
	const struct collection *c = r->target.collection;
	metric_add(&r->thread->metrics->write_acked, 1);
	if (c)
		metric_add(
		    &r->thread->collection_metrics[c->index].accepted, 1);
}

enum step_result write_acked_step(struct request *r)
{
	struct thread *t = r->thread;
	if (r->parking.expired)
		return unknown(r, "timeout");
	if (r->write->delivered == DELIVERY_UNKNOWN)
		return unknown(r, "delivery");
	if (r->write->delivered == DELIVERY_FAILED)
		return write_unavailable(r, PROBLEM_LOG_UNAVAILABLE);
	write_count_accepted(r);
	r->write->acked = clock_mono();
	metric_observe(&t->metrics->write_ack, r->write->acked - r->started);
	if (r->write->wait_for == 0 || !r->write->has_position || t->draining)
		return r->route->surface->receipt(r);
	r->write->waits = guard_take(r, CLIENT_WAITS);
	if (!r->write->waits)
		return r->route->surface->receipt(r);
	r->step = STEP_SETTLED;
	r->parking.deadline = r->started + r->write->wait_for;
	return commit_wait(r, r->write->position);
}

/* --- settled ------------------------------------------------------------- */

static void write_on_decision(void *arg, const struct decision *d)
{
	struct request *r = arg;
	r->write->ask = NULL;
	r->write->decision = *d;
	request_resume(r);
}

/* The write is decided, but this instance does not know its outcome, or not all
 * of it. */
static enum step_result write_ask(struct request *r)
{
	struct thread *t = r->thread;
	r->write->ask =
	    decision_ask(t->primary, r->write->position, write_on_decision, r);
	if (r->write->ask == NULL)
		return r->route->surface->receipt(r);
	request_deadline(r, t->instance->settings->read_timeout);
	r->step = STEP_DECIDED;
	return STEP_PARK;
}

/* Does the mark say everything that the answer needs? It does not name the
 * constraint, nor the operation of a batch. */
static bool known_whole(const struct request *r, struct outcome o)
{
	if (r->write->op == RECORD_BATCH && o.kind == OUTCOME_REJECTED)
		return false;
	return o.kind != OUTCOME_UNKNOWN && o.reason != REASON_CONSTRAINT;
}

/* A retry is answered as the first request was. */
static void take_first(struct request *r, const struct outcome_first *first)
{
	r->write->replayed = true;
	r->write->position = first->position;
	/* The retry got another key than the first write. */
	if (r->write->creates && first->key[0])
		request_target(
		    r, r->target.collection, first->key, strlen(first->key));
}

enum step_result write_settled_step(struct request *r)
{
	struct thread *t = r->thread;
	const struct tail *tail = t->instance->tail;
	if (r->write->position.version >=
	    tail_through(tail, r->write->position.partition))
		return r->route->surface->receipt(r); /* the time is over */
	r->write->heard = clock_mono();
	struct outcome_first first;
	struct outcome o =
	    outcomes_get(t->instance->outcomes, r->write->position, &first);
	if (!known_whole(r, o))
		return write_ask(r);
	if (o.replayed)
		take_first(r, &first);
	metric_observe(&t->metrics->write_commit, r->write->heard - r->started);
	return r->route->surface->settled(r, o);
}

enum step_result write_decided_step(struct request *r)
{
	const struct decision *d = &r->write->decision;
	struct outcome o = {.kind = OUTCOME_APPLIED};
	if (d->state == DECISION_REJECTED)
		o = (struct outcome){OUTCOME_REJECTED, d->reason, d->replayed};
	else if (d->state != DECISION_COMMITTED)
		/* The receipt is true; a guess might not be. */
		return r->route->surface->receipt(r);
	else if (d->created)
		o.kind = OUTCOME_CREATED;
	if (d->replayed)
		take_first(r, &d->first);
	return r->route->surface->settled(r, o);
}

enum step_result write_read_row(struct request *r)
{
	read_enter(r);
	r->read->otherwise = r->route->surface->receipt;
	request_deadline(r, r->thread->instance->settings->read_timeout);
	r->step = STEP_CACHED;
	return STEP_MORE;
}

void write_enter(struct request *r)
{
	r->write = MEM_NEW(struct write_op);
	r->write->op = r->route->op;
}

bool write_release(struct request *r)
{
	/* The row may be being read, after the commit. */
	if (!read_release(r))
		return false;
	if (r->write->append)
		write_log_abandon(r->write->append);
	r->write->append = NULL;
	decision_abandon(&r->write->ask);
	return true;
}

void write_trace(const struct request *r, struct span *s)
{
	char text[POSITION_MAX_LEN];
	if (r->write && r->write->has_position) {
		position_format(r->write->position, text);
		span_text(s, "sluice.position", text, strlen(text));
	}
	read_trace(r, s);
}

void write_free(struct request *r)
{
	write_trace_end(r, &r->write->send, NULL);
	read_free(r);
	if (r->write->waits)
		guard_give(r, CLIENT_WAITS);
	write_drop_document(r->write);
	buf_free(&r->write->versions);
	free(r->write->idempotency_key);
	free(r->write);
	r->write = NULL;
}

static void write_stage(
    struct buf *out, const char *name, mono_us_t from, mono_us_t to)
{
	if (from && to)
		buf_printf(out, "%s%s;dur=%.3f", out->len ? ", " : "", name,
		    (double)(to - from) / 1e3);
}

static void write_stages(const struct request *r, struct buf *out)
{
	const struct write_op *w = r->write;
	write_stage(out, "accepted", r->started, w->appended);
	write_stage(out, "log", w->appended, w->acked);
	write_stage(out, "commit", w->acked, w->heard);
}

/* The stages of a write that waited. If its row was read for the answer, they
 * are a second line, after that of the read. */
void write_describe(const struct request *r, struct MHD_Response *response)
{
	const struct write_op *w = r->write;
	struct buf text = {0};
	read_describe(r, response);
	if (w == NULL || w->wait_for == 0 || w->acked == 0)
		return;
	if (r->read == NULL || !r->read->reading)
		write_stage(&text, "total", r->started, clock_mono());
	write_stages(r, &text);
	MHD_add_response_header(response, "Server-Timing", text.data);
	buf_free(&text);
}

/* A write whose row is read for the answer has the stages of that read, too. */
const char *write_source(const struct request *r, struct buf *stages)
{
	const struct write_op *w = r->write;
	if (w == NULL)
		return read_source(r, stages);
	if (stages && r->read)
		read_source(r, stages);
	else if (stages)
		buf_printf(stages, "total;dur=%.3f", (double)r->took / 1e3);
	if (stages)
		write_stages(r, stages);
	return w->acked ? "log" : NULL;
}

const struct feature write_feature = {
    .first = STEP_WRITE,
    .enter = write_enter,
    .describe = write_describe,
    .source = write_source,
    .trace = write_trace,
    .release = write_release,
    .free = write_free,
};
