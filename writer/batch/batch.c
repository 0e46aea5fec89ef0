/* The life of a batch.
 *
 *   state     event                next
 *   PREFETCH  the rows are read    SENT, or TRIAL; what reads too much leaves
 *   SENT      committed            TELL; the partitions go on
 *             rejected             TRIAL; a single write is refused, and sent
 *                                  again; too many writes: they leave
 *   TRIAL     bad writes are found PREFETCH, without them
 *             one refers to a row  WAIT, if it is the first of its slice, for
 *             that may come        references.patience; otherwise its slice
 *                                  leaves, and those before it are a batch
 *             none is found        DONE; they leave
 *   these     fenced               CHECK
 *   three     lost, or an error    WAIT; an error of what several slices
 *             of the server        touch: they leave
 *   WAIT      the timer            CHECK
 *   CHECK     the watermarks       PREFETCH, with the slices that are still at
 *                                  their beginning; the others leave
 *   TELL      announced            DONE
 *
 * If no write needs its row, PREFETCH is SENT at once. Slices that leave
 * without a commit are tried in another way: fewer writes, or alone (batch.h).
 * From CHECK, each slice is decided by the watermark of its own partition: it
 * was committed, or another writer was there.
 *
 * The race: COMMIT arrives, but its answer is lost. If the batch were sent
 * again at once, its own first transaction would fence it, or worse, overtake
 * it. So the watermarks are read first. The row locks make this question wait
 * for a transaction that is still open.
 *
 * A batch may outlive the ownership of its partitions. If the group takes a
 * partition away while the transaction is under way, it may still commit. Then
 * the next owner and this writer may both announce it. Both announcements have
 * the same content.
 *
 * If the outcomes of writes were announced before a failover (announced.h),
 * their slice is alone in its batch, and is tried again until the other
 * partitions have come as far.
 */
#include "writer/batch/batch_priv.h"

#include "writer/batch/batch_error.h"
#include "writer/batch/batch_policy.h"
#include "writer/core/crashpoint.h"
#include "writer/core/pg_request.h"
#include "writer/decide/prefetch.h"
#include "writer/rejections/reject_reason.h"
#include "writer/takeover/other_partitions.h"
#include "writer/takeover/terminate_blockers.h"

#include "common/base/backoff.h"
#include "common/base/check.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/base/random.h"
#include "common/postgres/pg_params.h"
#include "common/postgres/pg_pool.h"
#include "common/sql/bookkeeping.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const state_names[] = {
    [STATE_PREFETCH] = "reading",
    [STATE_SENT] = "applying",
    [STATE_TRIAL] = "trying",
    [STATE_WAIT] = "retrying",
    [STATE_CHECK] = "checking",
    [STATE_TELL] = "announcing",
    [STATE_DONE] = "done",
};

void batch_set_state(struct batch *b, enum batch_state to)
{
	loop_timer_stop(b->timer);
	b->state = to;
	b->since = clock_mono();
}

static size_t count_writes(const struct batch *b)
{
	size_t n = 0;
	for (size_t k = 0; k < b->n; k++)
		n += b->slices[k]->n;
	return n;
}

/* --- slices leave -------------------------------------------------------- */

static void log_fenced(
    struct batch *b, const struct slice *s, const char *found)
{
	log_event(EV_FENCED,
	    "partition=%d from=%" PRIu64 " to=%" PRIu64 " found=%s",
	    s->partition, s->from, s->to, found);
	metric_add(&b->x->stats.fenced, 1);
}

static void leave(struct batch *b, size_t k, enum batch_result result)
{
	struct slice *s = b->slices[k];
	CHECK(b->plan == NULL);
	memmove(
	    &b->slices[k], &b->slices[k + 1], (--b->n - k) * sizeof *b->slices);
	s->batch = NULL;
	prefetch_free(&s->lookup);
	if (s->owner)
		b->events->left(b->arg, result, s);
	else
		slice_free(&s);
}

static void leave_all(struct batch *b, enum batch_result result)
{
	while (b->n)
		leave(b, b->n - 1, result);
}

static void drop_given_away(struct batch *b)
{
	for (size_t k = b->n; k-- > 0;) {
		if (b->slices[k]->owner == NULL)
			leave(b, k, BATCH_GIVEN_UP);
	}
}

/* True: no slice is left, and the batch is freed. */
static bool batch_ended(struct batch *b)
{
	if (b->n)
		return false;
	other_partitions_free(&b->others);
	batch_set_state(b, STATE_DONE);
	b->events->over(b->arg, b);
	return true;
}

static void end_all(struct batch *b, enum batch_result result)
{
	leave_all(b, result);
	batch_ended(b);
}

/* Not applied: each slice is tried in another way. */
static void dissolve(struct batch *b)
{
	bool can_split = b->n == 1 && b->slices[0]->n > 1;
	end_all(b, can_split ? BATCH_SPLIT : BATCH_ALONE);
}

/* --- the watermarks, after a failure ------------------------------------- */

static void wait_and_check(struct batch *b, const char *code, const char *why)
{
	if (b->n == 1)
		b->slices[0]->alone = true; /* from now on */
	snprintf(b->trouble, sizeof b->trouble, "%.31s %.120s", code, why);
	batch_set_state(b, STATE_WAIT);
	loop_timer_start(b->timer,
	    b->draining ? 0 : backoff_next(&b->backoff, random_bits()));
	b->events->waits(b->arg);
}

void batch_wait_for_connection(struct batch *b)
{
	wait_and_check(b, "08006", pg_pool_error(b->x->pool));
}

static void recovered(struct batch *b, size_t k)
{
	const struct slice *s = b->slices[k];
	log_event(EV_BATCH_RECOVERED,
	    "partition=%d from=%" PRIu64 " to=%" PRIu64, s->partition, s->from,
	    s->to);
	metric_add(&b->x->stats.recovered, 1);
	metric_add(&b->x->stats.applied, (int64_t)s->n);
	leave(b, k, BATCH_RECOVERED);
}

static void judge(struct batch *b, size_t k, const PGresult *rows)
{
	const struct slice *s = b->slices[k];
	char found[32] = "nothing";
	for (int row = 0; row < PQntuples(rows); row++) {
		if (pg_int4(rows, row, 0) != s->partition)
			continue;
		version_t at = (version_t)pg_int8(rows, row, 1);
		if (at == s->from)
			return;
		if (at == s->to) {
			recovered(b, k);
			return;
		}
		snprintf(found, sizeof found, "%" PRIu64, at);
	}
	log_fenced(b, s, found);
	leave(b, k, BATCH_FENCED);
}

/* The whole batch would fail again. */
static bool is_still_too_much(const struct batch *b)
{
	return b->n > 1 ? b->too_much > 0
			: b->too_much > 1 && b->slices[0]->n > 1;
}

static void on_checked(void *arg, const struct pg_reply *reply)
{
	struct batch *b = arg;
	b->check = NULL;
	if (reply->err.kind != ERR_KIND_OK) {
		terminate_blockers(b->x, &reply->err);
		if (b->n > 1 && !batch_error_is_of_server(&reply->err))
			dissolve(b); /* the row of one of them is locked */
		else
			wait_and_check(b, reply->err.code, reply->err.msg);
		return;
	}
	for (size_t k = b->n; k-- > 0;)
		judge(b, k, reply->results[0]);
	if (batch_ended(b))
		return;
	if (is_still_too_much(b))
		dissolve(b);
	else
		batch_send(b);
}

static void check_watermarks(struct batch *b)
{
	struct pg_params c =
	    pg_statement_params(&bookkeeping_progress_locked_of);
	struct buf *list = pg_params_param(&c);
	pg_array_begin(list, PG_INT4, b->n);
	for (size_t k = 0; k < b->n; k++)
		pg_array_int4(list, b->slices[k]->partition);
	const struct pg_query q = pg_params_query(&c);
	b->check = pg_request_submit_from(
	    b->x->pool, batch_first_connection(b), &q, 1, on_checked, b);
	pg_params_free(&c);
	if (b->check)
		batch_set_state(b, STATE_CHECK);
	else
		batch_wait_for_connection(b);
}

static void batch_on_timer(void *arg)
{
	struct batch *b = arg;
	CHECK(b->state == STATE_WAIT);
	if (b->draining)
		end_all(b, BATCH_GIVEN_UP);
	else
		check_watermarks(b);
}

/* --- verdicts ------------------------------------------------------------ */

static void batch_retry(struct batch *b, const struct err *e)
{
	b->too_much += batch_error_is_too_much(e, clock_mono() - b->since);
	log_event(EV_BATCH_RETRY,
	    "partition=%d partitions=%zu rows=%zu code=%s attempts=%u error=%s",
	    b->slices[0]->partition, b->n, count_writes(b), e->code,
	    b->backoff.attempts + 1, log_quote(e->msg));
	metric_add(&b->x->stats.retried, 1);
	if (b->n > 1 && !batch_error_is_of_server(e))
		dissolve(b);
	else
		wait_and_check(b, e->code, e->msg);
}

/* A slice with announced outcomes waits for what another partition must write
 * first: the row that it refers to, or the delete of a row that has its value.
 * It is not split, because it is known that the whole slice can be committed.
 */
static bool must_pass(struct batch *b)
{
	const struct slice *s = b->slices[0];
	if (s->writes[0].announced == ANNOUNCED_NOT || b->others_there)
		return false;
	b->expects = true;
	if (b->others == NULL)
		b->others = other_partitions_new(b->x, s->partition);
	other_partitions_ask(b->others);
	return true;
}

/* Can the same batch be committed when it is sent again? */
static bool can_pass(struct batch *b, const char *constraint)
{
	const struct slice *s = b->slices[0];
	/* The key is read again: then the write is a replay. */
	if (batch_error_is_key_taken(constraint))
		return true;
	/* Not even the rejection could be recorded. */
	if (s->n == 1 && s->writes[0].refused != REASON_NONE)
		return true;
	return must_pass(b);
}

static void try_writes(struct batch *b)
{
	b->trial = true;
	batch_send(b);
}

/* In a trial, the operations of an atomic batch in front of the one that fails
 * stay. No other write must be judged on top of them. */
static bool batch_has_atomic(const struct batch *b)
{
	for (size_t k = 0; k < b->n; k++) {
		if (write_any_atomic(b->slices[k]->writes, b->slices[k]->n))
			return true;
	}
	return false;
}

/* A key that two slices use is decided when each is alone: then the second
 * finds the first. */
static void rejected_together(struct batch *b, const char *constraint)
{
	if (!batch_error_is_key_taken(constraint) && !batch_has_atomic(b) &&
	    count_writes(b) <= BATCH_POLICY_TRIAL && !b->tried)
		try_writes(b);
	else
		dissolve(b);
}

/* Tries again soon: nobody says when another writer has written the row. */
static void retry_soon(struct batch *b, const struct err *e)
{
	b->expects = true;
	backoff_reset(&b->backoff);
	batch_retry(b, e);
}

/* Partitions are applied in any order. So a document may be written a moment
 * before the one that it refers to, although the client wrote that one first.
 */
bool batch_may_come(const struct batch *b, const struct write *w,
    size_t operation, const struct err *e)
{
	return batch_error_is_reference(e) &&
	       write_operation(w, operation)->op != RECORD_DELETE &&
	       clock_mono() - w->arrived < b->x->settings->references_patience;
}

static void rejected_alone(
    struct batch *b, const struct err *e, const char *constraint)
{
	struct slice *s = b->slices[0];
	bool single = s->n == 1 && s->writes[0].noperations == 0;
	bool can_try = !single && s->n <= BATCH_POLICY_TRIAL && !b->tried &&
		       (s->n == 1 || !batch_has_atomic(b));
	if (single && batch_may_come(b, &s->writes[0], 0, e)) {
		retry_soon(b, e);
	} else if (can_try) {
		try_writes(b);
	} else if (s->n == 1) { /* or a batch whose trial found nothing */
		reject_reason_write(&s->writes[0], s->partition, e, constraint);
		batch_send(b);
	} else {
		dissolve(b);
	}
}

static void batch_rejected(
    struct batch *b, const struct err *e, const char *constraint)
{
	crashpoint(CRASH_BATCH_REJECTED);
	/* Perhaps another program has inserted the row since the rows were
	 * read. */
	if (b->inserts && batch_error_is_duplicate(e, constraint)) {
		b->upserts = true;
		metric_add(&b->x->stats.inserted, 1);
		batch_send(b); /* reads the rows again */
		return;
	}
	if (b->n == 1 && can_pass(b, constraint)) {
		batch_retry(b, e);
		return;
	}
	metric_add(&b->x->stats.split, 1);
	if (b->n > 1)
		rejected_together(b, constraint);
	else
		rejected_alone(b, e, constraint);
}

/* `shared`: the error does not say whose watermark is elsewhere. */
static void batch_fenced(struct batch *b, const struct err *e, bool shared)
{
	if (!shared) {
		log_fenced(b, b->slices[0], "another");
		end_all(b, BATCH_FENCED);
	} else if (b->fenced++ == 0) {
		check_watermarks(b);
	} else {
		wait_and_check(b, e->code, e->msg);
	}
}

void batch_failed(struct batch *b, const struct err *e, const char *constraint)
{
	for (size_t k = 0; e->kind == ERR_KIND_FENCED && k < b->n; k++) {
		if (b->slices[k]->owner == NULL)
			log_fenced(b, b->slices[k], "another");
	}
	size_t sent = b->n;
	drop_given_away(b);
	if (batch_ended(b))
		return;
	switch (e->kind) {
	case ERR_KIND_REJECT:
		/* A slice that is gone may have caused it. */
		if (b->n < sent)
			batch_send(b);
		else
			batch_rejected(b, e, constraint);
		break;
	case ERR_KIND_FENCED:
		batch_fenced(b, e, sent > 1);
		break;
	case ERR_KIND_FATAL:
		wait_and_check(b, e->code, e->msg);
		b->x->fatal(b->x->fatal_arg, e);
		break;
	case ERR_KIND_RETRY:
		batch_retry(b, e);
		break;
	case ERR_KIND_OK:
		UNREACHABLE("a failure without an error");
	}
}

void batch_hand_over(struct batch *b)
{
	batch_set_state(b, STATE_TELL);
	b->events->committed(b->arg, b->slices, b->n);
}

void batch_announced(struct batch *b)
{
	drop_given_away(b);
	CHECK(b->n == 0);
	batch_ended(b);
}

void batch_tried(struct batch *b, size_t blamed)
{
	const struct err missing = b->missing;
	size_t before = b->n;
	if (batch_is_cut(b))
		return;
	bool fewer = b->n < before, waits = missing.kind != ERR_KIND_OK;
	b->tried = !fewer && !waits; /* otherwise once more */
	/* If no operation of an atomic batch fails by itself, the next
	 * rejection is that of the whole. */
	bool whole = b->n == 1 && b->slices[0]->n == 1;
	if (blamed || fewer || (whole && !waits))
		batch_send(b);
	else if (waits)
		retry_soon(b, &missing);
	else
		dissolve(b);
}

size_t batch_first_connection(const struct batch *b)
{
	return batch_is_stuck(b) ? 1 : 0;
}

bool batch_is_cut(struct batch *b)
{
	drop_given_away(b);
	for (size_t k = b->n; k-- > 0;) {
		if (b->slices[k]->fits < b->slices[k]->n)
			leave(b, k, BATCH_SPLIT);
	}
	return batch_ended(b);
}

/* --- interface ----------------------------------------------------------- */

struct batch *batch_new(struct context *x, struct slice *const *slices,
    size_t n, const struct batch_events *events, void *arg)
{
	struct batch *b = MEM_NEW(struct batch);
	CHECK(n > 0);
	b->x = x;
	b->slices = mem_dup(slices, n * sizeof *slices);
	b->n = n;
	b->events = events;
	b->arg = arg;
	b->timer = loop_timer_new(x->loop, batch_on_timer, b);
	backoff_init(&b->backoff, CLOCK_MS(50), CLOCK_S(5));
	for (size_t k = 0; k < n; k++)
		slices[k]->batch = b;
	return b;
}

void batch_begin(struct batch *b)
{
	batch_send(b);
}

void batch_forget(struct slice *s)
{
	struct batch *b = s->batch;
	s->owner = NULL;
	s->producers = NULL;
	if (b->state != STATE_WAIT && b->state != STATE_CHECK)
		return;
	drop_given_away(b);
	if (b->n == 0)
		pg_request_cancel(&b->check);
	batch_ended(b);
}

void batch_hurry(struct batch *b)
{
	if (b->state == STATE_WAIT)
		loop_timer_start(b->timer, 0);
}

bool batch_expects(const struct batch *b)
{
	return b->expects && b->state == STATE_WAIT;
}

void batch_drain(struct batch *b)
{
	b->draining = true;
	batch_hurry(b);
}

bool batch_asks(const struct batch *b)
{
	return b->state != STATE_WAIT && b->state != STATE_TELL &&
	       b->state != STATE_DONE;
}

bool batch_alone(const struct batch *b)
{
	return b->n == 1 && b->slices[0]->alone;
}

bool batch_is_stuck(const struct batch *b)
{
	return batch_alone(b) && b->backoff.attempts > 0;
}

dur_us_t batch_unanswered(const struct batch *b)
{
	return batch_asks(b) ? clock_mono() - b->since : 0;
}

const char *batch_trouble(const struct batch *b)
{
	return b->trouble;
}

const char *batch_state_name(const struct batch *b)
{
	return state_names[b->state];
}

void batch_free(struct batch **bp)
{
	struct batch *b = *bp;
	if (b == NULL)
		return;
	CHECK(b->plan == NULL && b->check == NULL && b->n == 0);
	loop_timer_free(&b->timer);
	free(b->slices);
	free(b);
	*bp = NULL;
}
