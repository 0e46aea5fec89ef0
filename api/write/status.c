#include "api/write/status.h"

#include "api/commits/backlog.h"
#include "api/commits/epoch.h"
#include "api/core/answer.h"
#include "api/core/settings.h"
#include "api/write/decision.h"
#include "common/base/mem.h"
#include "common/kafka/record_at.h"
#include "common/log/record.h"

#include <stdlib.h>
#include <string.h>

struct status_op {
	struct position position;
	struct record_question *question; /* who made it; in flight */
	enum record_found found;
	bool own;		  /* the caller made it */
	struct decision_ask *ask; /* in flight */
	struct decision decision;
};

enum { LOOK_US = 100000 }; /* interval of looking again */

static enum step_result no_such(struct request *r)
{
	return answer_problem(
	    r, PROBLEM_NOT_FOUND, "The log has no such position.");
}

static void status_on_decision(void *arg, const struct decision *d)
{
	struct request *r = arg;
	r->status->ask = NULL;
	r->status->decision = *d;
	request_resume(r);
}

static bool take_position(struct request *r)
{
	const char *text = strrchr(r->path, '/') + 1;
	return position_parse(text, strlen(text), &r->status->position) &&
	       r->status->position.partition < r->thread->instance->partitions;
}

static void status_on_record(
    void *arg, enum record_found found, const rd_kafka_message_t *m)
{
	struct request *r = arg;
	struct record_write w;
	const char *caller = principal_subject(r->principal);
	r->status->question = NULL;
	r->status->found = found;
	r->status->own =
	    found == RECORD_FOUND && record_write_parse(m, &w) &&
	    w.by.len == strlen(caller) &&
	    (w.by.len == 0 || memcmp(w.by.s, caller, w.by.len) == 0);
	request_resume(r);
}

/* Positions can be guessed. Whose a write is stands in its record only. */
static enum step_result status_ask_author(struct request *r)
{
	struct thread *t = r->thread;
	const struct position p = r->status->position;
	uint32_t epoch;
	if (!epoch_now(t->instance, &epoch))
		return answer_problem(r, PROBLEM_STORE_UNAVAILABLE, NULL);
	if (version_epoch(p.version) != epoch)
		return no_such(r);
	r->status->question = record_at_ask(t->instance->authors, t->loop,
	    p.partition, version_offset(p.version), status_on_record, r);
	if (r->status->question == NULL)
		return answer_problem(r, PROBLEM_BUFFER_FULL, NULL);
	request_deadline(r, t->instance->settings->read_timeout);
	r->step = STEP_STATUS_AUTHOR;
	return STEP_PARK;
}

enum step_result status_author_step(struct request *r)
{
	if (r->status->question || r->status->found == RECORD_NO_WORD)
		return answer_problem(r, PROBLEM_STORE_UNAVAILABLE, NULL);
	if (!r->status->own)
		return no_such(r);
	r->step = STEP_STATUS;
	return STEP_MORE;
}

enum step_result status_step(struct request *r)
{
	struct thread *t = r->thread;
	if (!take_position(r))
		return no_such(r);
	if (!request_may_park(r))
		return answer_problem(r, PROBLEM_BUFFER_FULL, NULL);
	if (r->right == RIGHT_OWN && !r->status->own)
		return status_ask_author(r);
	r->status->ask = decision_ask(
	    t->primary, r->status->position, status_on_decision, r);
	if (r->status->ask == NULL)
		return answer_problem(r, PROBLEM_STORE_UNAVAILABLE, NULL);
	request_deadline(r, t->instance->settings->read_timeout);
	r->step = STEP_STATUS_ANSWER;
	return STEP_PARK;
}

static void status_add_position(
    struct buf *out, const char *name, struct position p)
{
	char text[POSITION_MAX_LEN];
	position_format(p, text);
	buf_printf(out, ",\"%s\":\"%s\"", name, text);
}

static void write_decision(
    const struct request *r, const char *state, struct buf *out)
{
	const struct decision *d = &r->status->decision;
	buf_printf(out, "{\"state\":\"%s\"", state);
	status_add_position(out, "position", r->status->position);
	if (d->replayed)
		status_add_position(out, "first", d->first.position);
	if (d->state == DECISION_REJECTED) {
		const struct reason_row *row = reason_row(d->reason);
		buf_printf(out, ",\"reason\":\"%s\",\"status\":%u", row->name,
		    row->status);
	}
	if (d->has_index)
		buf_printf(out, ",\"index\":%zu", d->index);
	if (d->constraint[0]) {
		buf_str(out, ",\"constraint\":");
		buf_json(out, d->constraint, strlen(d->constraint));
	}
	if (d->has_successor)
		status_add_position(out, "successor", d->successor);
	buf_str(out, "}\n");
}

static enum step_result answer_state(struct request *r, const char *state)
{
	struct buf body = {0};
	write_decision(r, state, &body);
	return answer_json(r, 200, &body);
}

/* Postgres has not reached the position: it waits in the log, or does not
 * exist. */
enum step_result status_look_step(struct request *r)
{
	struct thread *t = r->thread;
	bool looked = r->step == STEP_STATUS_LOOK;
	enum backlog_place place = backlog_place(
	    t->instance->backlog, r->status->position, r->started);
	if (place == BACKLOG_NOWHERE)
		return no_such(r);
	if (place == BACKLOG_LATER && request_may_park(r) &&
	    clock_mono() - r->started < t->instance->settings->read_timeout) {
		request_deadline(r, LOOK_US);
		r->step = STEP_STATUS_LOOK;
		return STEP_PARK;
	}
	if (place != BACKLOG_THERE || !looked)
		return answer_state(r, "pending");
	/* The look took some time: the write may be decided by now. */
	r->step = STEP_STATUS;
	return STEP_MORE;
}

enum step_result status_answer_step(struct request *r)
{
	switch (r->status->decision.state) {
	case DECISION_PENDING:
		return status_look_step(r);
	case DECISION_COMMITTED:
		return answer_state(r, "committed");
	case DECISION_REJECTED:
		return answer_state(r, "rejected");
	case DECISION_EXPIRED:
		return answer_problem(r, PROBLEM_POSITION_EXPIRED, NULL);
	case DECISION_UNKNOWN:
		break;
	}
	return answer_problem(r, PROBLEM_STORE_UNAVAILABLE, NULL);
}

static bool status_release(struct request *r)
{
	record_at_abandon(&r->status->question);
	decision_abandon(&r->status->ask);
	return true;
}

static void status_enter(struct request *r)
{
	r->status = MEM_NEW(struct status_op);
}

static void status_free(struct request *r)
{
	free(r->status);
}

const struct feature status_feature = {
    .first = STEP_STATUS,
    .enter = status_enter,
    .release = status_release,
    .free = status_free,
};
