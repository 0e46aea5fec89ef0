/* The verdicts on a batch, and what follows from each.
 *
 *         TRYING                      REJECT: find the bad writes, then send
 *           ▲ ▼                       the batch without them
 *   IDLE ─► SENT ─► IDLE              decided; or it must read too much
 *            │ ▲
 *            ▼ └───────────┐
 *         WAITING ─► CHECKING         RETRY: the answer was an error, or lost
 *            ▲           │ └► IDLE    it was committed; or fenced; or it was
 *            │           │            too much twice: smaller batches
 *            └───────────┘            this question failed, too
 *
 * If the outcomes of a batch were announced before a failover (announced.h), it
 * is tried again until the other partitions have come as far.
 *
 * The race: COMMIT arrives, but its answer is lost. If the batch were sent
 * again at once, its own first transaction would fence it, or worse, overtake
 * it. So the watermark is read first. The row lock makes this question wait for
 * a transaction that is still open.
 */
#include "writer/batch/batch_retry.h"

#include "common/postgres/pg_params.h"
#include "writer/batch/batch_policy.h"
#include "writer/core/crashpoint.h"
#include "writer/core/pg_request.h"
#include "writer/rejections/reject_reason.h"
#include "writer/takeover/other_partitions.h"
#include "writer/takeover/terminate_blockers.h"

#include "common/base/backoff.h"
#include "common/base/check.h"
#include "common/base/entropy.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/postgres/pg_pool.h"
#include "common/sql/bookkeeping.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum state {
	STATE_IDLE,
	STATE_SENT,	/* waits for Postgres's answer to the batch */
	STATE_TRYING,	/* waits for the trial of its writes */
	STATE_WAITING,	/* waits for the timer */
	STATE_CHECKING, /* waits for the watermark that Postgres holds */
};

static const char *const state_names[] = {
    [STATE_IDLE] = "idle",
    [STATE_SENT] = "applying",
    [STATE_TRYING] = "trying",
    [STATE_WAITING] = "retrying",
    [STATE_CHECKING] = "checking",
};

struct batch_retry {
	struct context *x;
	enum state state;
	mono_us_t since;	  /* when it came into that state */
	struct batch *apply;	  /* NULL in IDLE */
	struct pg_request *check; /* in CHECKING */
	struct loop_timer *timer;
	struct backoff backoff;
	unsigned too_much; /* how often Postgres found it too large */
	/* Its outcomes were announced, but Postgres refuses it. */
	struct other_partitions *others;
	bool alone; /* when it was sent, no other partition was behind */
	bool draining;
	char trouble[160];
	batch_retry_done done;
	void *arg;
};

static void batch_retry_set_state(struct batch_retry *t, enum state to)
{
	loop_timer_stop(t->timer);
	t->state = to;
	t->since = clock_mono();
}

static bool is_sent(const struct batch_retry *t)
{
	return t->state == STATE_SENT || t->state == STATE_TRYING;
}

static void batch_retry_finish(
    struct batch_retry *t, enum batch_retry_result result)
{
	other_partitions_free(&t->others);
	struct batch *a = t->apply;
	t->apply = NULL;
	batch_retry_set_state(t, STATE_IDLE);
	t->done(t->arg, result, a);
}

static void wait_and_check(
    struct batch_retry *t, const char *code, const char *why)
{
	snprintf(t->trouble, sizeof t->trouble, "%.31s %.120s", code, why);
	batch_retry_set_state(t, STATE_WAITING);
	loop_timer_start(t->timer,
	    t->draining ? 0 : backoff_next(&t->backoff, entropy_bits()));
}

static void batch_retry_send_batch(struct batch_retry *t)
{
	t->alone = t->others && other_partitions_are_there(t->others);
	if (batch_submit(t->apply))
		batch_retry_set_state(t, STATE_SENT);
	else
		wait_and_check(t, "08006", pg_pool_error(t->x->pool));
}

/* --- the watermark, after a failure -------------------------------------- */

static void fenced(struct batch_retry *t, const char *found)
{
	log_event(EV_FENCED,
	    "partition=%d from=%" PRIu64 " to=%" PRIu64 " found=%s",
	    t->apply->partition, t->apply->from, t->apply->to, found);
	metric_add(&t->x->stats.fenced, 1);
	batch_retry_finish(t, BATCH_RETRY_FENCED);
}

static void recovered(struct batch_retry *t)
{
	struct batch *a = t->apply;
	log_event(EV_BATCH_RECOVERED,
	    "partition=%d from=%" PRIu64 " to=%" PRIu64, a->partition, a->from,
	    a->to);
	metric_add(&t->x->stats.recovered, 1);
	metric_add(&t->x->stats.applied, (int64_t)a->n);
	metric_add(&t->x->stats.batches, 1);
	t->trouble[0] = '\0';
	backoff_reset(&t->backoff);
	batch_retry_finish(t, BATCH_RETRY_RECOVERED);
}

/* The whole batch would fail again. */
static void batch_retry_split(struct batch_retry *t)
{
	backoff_reset(&t->backoff);
	batch_retry_finish(t, BATCH_RETRY_SPLIT);
}

static void batch_retry_on_checked(void *arg, const struct pg_reply *reply)
{
	struct batch_retry *t = arg;
	t->check = NULL;
	if (reply->err.kind != ERR_KIND_OK) {
		terminate_blockers(t->x, &reply->err);
		wait_and_check(t, reply->err.code, reply->err.msg);
		return;
	}
	if (PQntuples(reply->results[0]) != 1) {
		fenced(t, "nothing");
		return;
	}
	version_t at = (version_t)pg_int8(reply->results[0], 0, 1);
	char found[32];
	snprintf(found, sizeof found, "%" PRIu64, at);
	if (at == t->apply->from && t->too_much > 1 && t->apply->n > 1)
		batch_retry_split(t);
	else if (at == t->apply->from)
		batch_retry_send_batch(t);
	else if (at == t->apply->to)
		recovered(t);
	else
		fenced(t, found);
}

static void check_watermark(struct batch_retry *t)
{
	struct pg_params c =
	    pg_statement_params(&bookkeeping_progress_locked_of);
	struct buf *list = pg_params_param(&c);
	pg_array_begin(list, PG_INT4, 1);
	pg_array_int4(list, t->apply->partition);
	const struct pg_query q = pg_params_query(&c);
	t->check =
	    pg_request_submit(t->x->pool, &q, 1, batch_retry_on_checked, t);
	if (t->check)
		batch_retry_set_state(t, STATE_CHECKING);
	else
		wait_and_check(t, "08006", pg_pool_error(t->x->pool));
	pg_params_free(&c);
}

static void batch_retry_on_timer(void *arg)
{
	struct batch_retry *t = arg;
	CHECK(t->state == STATE_WAITING);
	if (t->draining)
		batch_retry_finish(t, BATCH_RETRY_GIVEN_UP);
	else
		check_watermark(t);
}

/* --- verdicts ------------------------------------------------------------ */

/* The statement_timeout of the role or the database was exceeded, or nearly the
 * query timeout of our connections; or Postgres lacks memory. */
static bool is_too_much(const struct batch_retry *t, const struct err *e)
{
	return strcmp(e->code, "57014") == 0 || strcmp(e->code, "53200") == 0 ||
	       clock_mono() - t->since > CLOCK_S(30);
}

static void retry(struct batch_retry *t, const struct err *e)
{
	t->too_much += is_too_much(t, e);
	log_event(EV_BATCH_RETRY,
	    "partition=%d rows=%zu code=%s attempts=%u error=%s",
	    t->apply->partition, t->apply->n, e->code, t->backoff.attempts + 1,
	    log_quote(e->msg));
	metric_add(&t->x->stats.retried, 1);
	wait_and_check(t, e->code, e->msg);
}

static void try_writes(struct batch_retry *t)
{
	if (batch_try(t->apply))
		batch_retry_set_state(t, STATE_TRYING);
	else
		wait_and_check(t, "08006", pg_pool_error(t->x->pool));
}

/* Each bad write is now a rejection. */
static void batch_retry_on_tried(struct batch_retry *t)
{
	if (t->apply->blamed)
		batch_retry_send_batch(t);
	else
		batch_retry_finish(t, BATCH_RETRY_SPLIT);
}

/* A batch with announced outcomes waits for what another partition must write
 * first: the row that it refers to, or the delete of a row that has its value.
 * It is not split, because it is known that the whole batch can be committed.
 */
static bool must_pass(struct batch_retry *t)
{
	const struct batch *a = t->apply;
	if (a->writes[0].announced == ANNOUNCED_NOT || t->alone)
		return false;
	if (t->others == NULL)
		t->others = other_partitions_new(t->x, a->partition);
	other_partitions_ask(t->others);
	return true;
}

static void batch_retry_rejected(
    struct batch_retry *t, const struct err *e, const char *constraint)
{
	struct batch *a = t->apply;
	crashpoint(CRASH_BATCH_REJECTED);
	if (strcmp(constraint, BOOKKEEPING_KEY_TAKEN) == 0) {
		/* Another partition used the idempotency key meanwhile. Read it
		 * again: then the write is a replay. */
		retry(t, e);
		return;
	}
	if (a->n == 1 && a->writes[0].refused != REASON_NONE) {
		/* Not even the rejection could be recorded. */
		retry(t, e);
		return;
	}
	if (must_pass(t)) {
		retry(t, e);
		return;
	}
	metric_add(&t->x->stats.split, 1);
	if (a->n == 1) {
		reject_reason_write(&a->writes[0], a->partition, e, constraint);
		batch_retry_send_batch(t);
	} else if (a->n <= BATCH_POLICY_TRIAL && !a->tried) {
		try_writes(t);
	} else {
		batch_retry_finish(t, BATCH_RETRY_SPLIT);
	}
}

static void batch_retry_on_applied(
    struct batch *a, const struct err *e, const char *constraint)
{
	struct batch_retry *t = a->owner;
	CHECK(t->apply == a && is_sent(t));
	switch (e->kind) {
	case ERR_KIND_OK:
		if (a->fits < a->n) {
			batch_retry_split(t);
			break;
		}
		if (t->state == STATE_TRYING) {
			batch_retry_on_tried(t);
			break;
		}
		t->trouble[0] = '\0';
		backoff_reset(&t->backoff);
		batch_retry_finish(t, BATCH_RETRY_COMMITTED);
		break;
	case ERR_KIND_REJECT:
		batch_retry_rejected(t, e, constraint);
		break;
	case ERR_KIND_FENCED:
		fenced(t, "another");
		break;
	case ERR_KIND_FATAL:
		wait_and_check(t, e->code, e->msg);
		t->x->fatal(t->x->fatal_arg, e);
		break;
	case ERR_KIND_RETRY:
		retry(t, e);
		break;
	}
}

/* --- interface ----------------------------------------------------------- */

struct batch_retry *batch_retry_new(
    struct context *x, batch_retry_done done, void *arg)
{
	struct batch_retry *t = MEM_NEW(struct batch_retry);
	t->x = x;
	t->done = done;
	t->arg = arg;
	t->timer = loop_timer_new(x->loop, batch_retry_on_timer, t);
	backoff_init(&t->backoff, CLOCK_MS(50), CLOCK_S(5));
	return t;
}

void batch_retry_begin(struct batch_retry *t, struct batch *a)
{
	CHECK(t->state == STATE_IDLE);
	t->too_much = 0;
	t->apply = a;
	a->done = batch_retry_on_applied;
	a->owner = t;
	batch_retry_send_batch(t);
}

void batch_retry_hurry(struct batch_retry *t)
{
	if (t->state == STATE_WAITING)
		loop_timer_start(t->timer, 0);
}

void batch_retry_drain(struct batch_retry *t)
{
	t->draining = true;
	batch_retry_hurry(t);
}

void batch_retry_drop(struct batch_retry *t)
{
	pg_request_cancel(&t->check);
	other_partitions_free(&t->others);
	if (is_sent(t))
		t->apply->owner = NULL;
	else
		batch_free(&t->apply);
	t->apply = NULL;
	t->trouble[0] = '\0';
	batch_retry_set_state(t, STATE_IDLE);
}

const struct batch *batch_retry_batch(const struct batch_retry *t)
{
	return t->apply;
}

dur_us_t batch_retry_unanswered(const struct batch_retry *t)
{
	bool asked = is_sent(t) || t->state == STATE_CHECKING;
	return asked ? clock_mono() - t->since : 0;
}

const char *batch_retry_trouble(const struct batch_retry *t)
{
	return t->trouble;
}

const char *batch_retry_state_name(const struct batch_retry *t)
{
	return state_names[t->state];
}

void batch_retry_free(struct batch_retry **tp)
{
	struct batch_retry *t = *tp;
	if (t == NULL)
		return;
	batch_retry_drop(t);
	loop_timer_free(&t->timer);
	free(t);
	*tp = NULL;
}
