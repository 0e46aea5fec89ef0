/* A takeover is a walk over five states, each named by what it waits for:
 *
 *   PROGRESS  Postgres's watermarks. The rows are locked for a moment. So a
 *             transaction of the former owner that is still open ends first;
 *             from then on the fence keeps that writer out. The numbers of the
 *             producers do not move while the rows are locked.
 *   ENDS      where the log begins and ends: it must hold the watermark
 *   MARKS     the end of the announcements of each partition
 *   GAPS      the announcement of commits that were not announced
 *   PAUSE     the timer, to ask for PROGRESS again
 *
 * The order matters. If the marks were read before the watermark, a batch could
 * be committed between the two, and its gap would be missed.
 *
 * A mark may be above the watermark, or above the end of the log. The former
 * owner may not have heard yet that it lost the partition, and have gone on
 * after PROGRESS. So the walk begins once more. If the mark is above the
 * watermark again, the database went back (a failover lost commits). The writes
 * are applied and announced again, with the outcomes that the marks have
 * (announced.h). If marks are gone, by compaction or with their topic, some
 * outcomes may differ. Then a mark is announced first that starts the partition
 * anew in every cache and feed.
 */
#include "writer/takeover/takeover.h"

#include "writer/commits/announce.h"
#include "writer/core/crashpoint.h"
#include "writer/core/pg_request.h"
#include "writer/startup/log_offsets.h"
#include "writer/startup/topic_checks.h"
#include "writer/takeover/gap.h"
#include "writer/takeover/last_mark.h"
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

enum { DOUBTS = 5 };

enum state {
	STATE_IDLE,
	STATE_PROGRESS,
	STATE_ENDS,
	STATE_MARKS,
	STATE_GAPS,
	STATE_PAUSE,
};

static const char *const waits_for[] = {
    [STATE_IDLE] = "",
    [STATE_PROGRESS] = "the watermarks in Postgres",
    [STATE_ENDS] = "the end offsets of the log",
    [STATE_MARKS] = "the last marks in sluice.commits",
    [STATE_GAPS] = "the announcement of a gap",
    [STATE_PAUSE] = "Postgres",
};

struct takeover {
	struct context *x;
	enum state state;
	struct taken *taken;
	version_t *announced; /* up to where, per partition */
	bool *found;	      /* was there a mark at all? */
	size_t n;
	size_t at; /* in GAPS */
	struct pg_request *ask;
	struct log_offsets *ends;
	char why[160];	 /* of PAUSE */
	unsigned doubts; /* times in a row that the log did not fit */
	bool again;	 /* the walk began once more, because of a mark */
	struct last_mark *marks;
	struct gap *gap;
	struct loop_timer *timer;
	struct backoff backoff;
	takeover_done done;
	void *arg;
};

static void takeover_set_state(struct takeover *t, enum state to)
{
	t->state = to;
}

static void pause_and_ask(struct takeover *t, const char *code, const char *why)
{
	log_event(EV_TAKEOVER_WAIT, "partitions=%zu code=%s error=%s", t->n,
	    code, log_quote(why));
	snprintf(t->why, sizeof t->why, "%.*s", (int)sizeof t->why - 1, why);
	takeover_set_state(t, STATE_PAUSE);
	loop_timer_start(t->timer, backoff_next(&t->backoff, random_bits()));
}

/* t->n: it is not asked about. */
static size_t takeover_find(const struct takeover *t, int32_t partition)
{
	size_t i = 0;
	while (i < t->n && t->taken[i].partition != partition)
		i++;
	return i;
}

static size_t takeover_index_of(const struct takeover *t, int32_t partition)
{
	size_t i = takeover_find(t, partition);
	CHECK(i < t->n);
	return i;
}

/* --- gaps ---------------------------------------------------------------- */

static void free_taken(struct taken *taken, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		dedup_free(&taken[i].producers);
		announced_free(&taken[i].outcomes);
	}
	free(taken);
}

static void takeover_finish(struct takeover *t)
{
	struct taken *taken = t->taken;
	size_t n = t->n;
	t->taken = NULL;
	metric_add(&t->x->stats.takeovers, (int64_t)n);
	takeover_stop(t);
	t->done(t->arg, taken, n);
	free_taken(taken, n);
}

/* What was announced of the writes from there on no longer counts. */
static void start_anew(
    struct takeover *t, const struct taken *one, version_t to)
{
	log_event(EV_DECIDED_ANEW,
	    "partition=%d from=%" PRIu64 " to=%" PRIu64 " why=%s",
	    one->partition, one->watermark, to,
	    log_quote("the marks with the outcomes are gone"));
	metric_add(&t->x->stats.anew, 1);
	announce_anew(t->x->announcer, one->partition, one->watermark);
}

static void takeover_went_back(
    struct takeover *t, struct taken *one, version_t from)
{
	log_event(EV_WENT_BACK, "partition=%d lost=%" PRIu64, one->partition,
	    from - one->watermark);
	one->told = from;
	if (!announced_covers(one->outcomes, from))
		start_anew(t, one, from);
}

/* There was no mark, because the topic was created again. So it is not known
 * whether the database went back. */
static void gap_is_over(struct takeover *t)
{
	const struct taken *one = &t->taken[t->at];
	if (!t->found[t->at])
		start_anew(t, one, one->watermark);
	t->at++;
}

static void next_gap(struct takeover *t)
{
	takeover_set_state(t, STATE_GAPS);
	for (; t->at < t->n; t->at++) {
		struct taken *one = &t->taken[t->at];
		version_t from = t->announced[t->at];
		log_event(EV_TAKEN,
		    "partition=%d watermark=%" PRIu64 " announced=%" PRIu64,
		    one->partition, one->watermark, from);
		if (from > one->watermark)
			takeover_went_back(t, one, from);
		else
			announced_free(&one->outcomes);
		if (from >= one->watermark)
			continue;
		gap_announce(t->gap, one->partition, from, one->watermark);
		return;
	}
	takeover_finish(t);
}

static void on_gap(void *arg, bool complete)
{
	struct takeover *t = arg;
	if (!complete) {
		pause_and_ask(t, "went-back",
		    "Postgres or the log ends in front of the gap's end");
		return;
	}
	gap_is_over(t);
	next_gap(t);
}

/* --- marks --------------------------------------------------------------- */

static bool is_any_newer(const struct last_mark_end *ends, size_t n)
{
	size_t i = 0;
	while (i < n && ends[i].newer == 0)
		i++;
	return i < n;
}

static bool is_any_above(
    const struct takeover *t, const struct last_mark_end *ends, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		size_t k = takeover_index_of(t, ends[i].partition);
		if (ends[i].beyond >= 0 ||
		    ends[i].through > t->taken[k].watermark)
			return true;
	}
	return false;
}

static void tell_beyond(const struct last_mark_end *ends, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (ends[i].beyond >= 0)
			log_event(EV_MARK_BEYOND,
			    "partition=%d offset=%" PRId64, ends[i].partition,
			    ends[i].beyond);
	}
}

static void takeover_ask_progress(struct takeover *t);

static void on_marks(void *arg, struct last_mark_end *ends, size_t n)
{
	struct takeover *t = arg;
	if (is_any_newer(ends, n)) {
		pause_and_ask(t, "format",
		    "sluice.commits has a format that this version does not "
		    "know: start the newer version of sluice-writer instead");
		return;
	}
	if (!t->again && is_any_above(t, ends, n)) {
		t->again = true;
		takeover_ask_progress(t);
		return;
	}
	tell_beyond(ends, n);
	for (size_t i = 0; i < n; i++) {
		size_t k = takeover_index_of(t, ends[i].partition);
		t->announced[k] = ends[i].found ? ends[i].through
						: version_make(t->x->epoch, 0);
		t->found[k] = ends[i].found;
		announced_free(&t->taken[k].outcomes);
		t->taken[k].told = 0;
		t->taken[k].outcomes = ends[i].told;
		ends[i].told = NULL;
		announcer_acknowledged(
		    t->x->announcer, ends[i].partition, ends[i].last);
	}
	t->at = 0;
	crashpoint(CRASH_TAKEOVER_MARKS);
	next_gap(t);
}

static void find_marks(struct takeover *t, const struct log_offsets_of *list)
{
	struct last_mark_of *of = mem_alloc(t->n * sizeof *of);
	for (size_t i = 0; i < t->n; i++)
		of[i] = (struct last_mark_of){t->taken[i].partition,
		    t->taken[i].watermark,
		    version_make(t->x->epoch, list[i].high)};
	takeover_set_state(t, STATE_MARKS);
	last_mark_find(t->marks, of, t->n);
	free(of);
}

/* --- the log ------------------------------------------------------------- */

static void takeover_refuse(struct takeover *t, const struct err *e)
{
	takeover_stop(t);
	t->x->fatal(t->x->fatal_arg, e);
}

/* A new leader may not know the end of the log yet. So one wrong answer is not
 * a reason to stop. */
static void takeover_on_ends(void *arg, const struct err *failed,
    const struct log_offsets_of *list, size_t n)
{
	struct takeover *t = arg;
	struct err e = *failed;
	t->ends = NULL;
	for (size_t i = 0; i < n && e.kind == ERR_KIND_OK; i++)
		e = topic_checks_ends(t->x->settings->common.writes_topic,
		    t->taken[i].watermark, &list[i]);
	if (e.kind == ERR_KIND_FATAL && ++t->doubts > DOUBTS) {
		takeover_refuse(t, &e);
		return;
	}
	if (e.kind != ERR_KIND_OK) {
		pause_and_ask(t, e.code, e.msg);
		return;
	}
	t->doubts = 0;
	backoff_reset(&t->backoff);
	find_marks(t, list);
}

static void takeover_check_log(struct takeover *t)
{
	struct err e = ERR_OK;
	int32_t *partitions = mem_alloc(t->n * sizeof *partitions);
	for (size_t i = 0; i < t->n; i++) {
		partitions[i] = t->taken[i].partition;
		if (e.kind == ERR_KIND_OK)
			e = topic_checks_epoch(
			    t->x->epoch, t->taken[i].watermark);
	}
	if (e.kind == ERR_KIND_OK) {
		takeover_set_state(t, STATE_ENDS);
		t->ends = log_offsets_ask(
		    t->x, partitions, t->n, takeover_on_ends, t);
	} else {
		takeover_refuse(t, &e);
	}
	free(partitions);
}

/* --- progress ------------------------------------------------------------ */

static void take_producers(struct takeover *t, const PGresult *r)
{
	for (size_t i = 0; i < t->n; i++)
		dedup_free(&t->taken[i].producers);
	for (int row = 0; row < PQntuples(r); row++) {
		size_t i = takeover_find(t, pg_int4(r, row, 0));
		size_t len = (size_t)PQgetlength(r, row, 1);
		if (i < t->n && len == RECORD_INSTANCE_LEN)
			dedup_set(&t->taken[i].producers, PQgetvalue(r, row, 1),
			    len, (uint64_t)pg_int8(r, row, 2));
	}
}

static void takeover_on_progress(void *arg, const struct pg_reply *reply)
{
	struct takeover *t = arg;
	t->ask = NULL;
	if (reply->err.kind != ERR_KIND_OK) {
		terminate_blockers(t->x, &reply->err);
		pause_and_ask(t, reply->err.code, reply->err.msg);
		return;
	}
	const PGresult *r = reply->results[0];
	if ((size_t)PQntuples(r) != t->n) {
		pause_and_ask(t, "schema",
		    "sluice.progress lacks partitions: run sluice-writer "
		    "--migrate");
		return;
	}
	for (int row = 0; row < PQntuples(r); row++) {
		size_t i = takeover_find(t, pg_int4(r, row, 0));
		if (i < t->n)
			t->taken[i].watermark = (version_t)pg_int8(r, row, 1);
	}
	take_producers(t, reply->results[1]);
	crashpoint(CRASH_TAKEOVER_PROGRESS);
	takeover_check_log(t);
}

static void takeover_ask_progress(struct takeover *t)
{
	struct pg_params c[2] = {
	    pg_statement_params(&bookkeeping_progress_locked_of),
	    pg_statement_params(&bookkeeping_producers)};
	struct pg_query queries[2];
	for (size_t k = 0; k < 2; k++) {
		struct buf *list = pg_params_param(&c[k]);
		pg_array_begin(list, PG_INT4, t->n);
		for (size_t i = 0; i < t->n; i++)
			pg_array_int4(list, t->taken[i].partition);
		queries[k] = pg_params_query(&c[k]);
	}
	t->ask =
	    pg_request_submit(t->x->pool, queries, 2, takeover_on_progress, t);
	pg_params_free(&c[0]);
	pg_params_free(&c[1]);
	if (t->ask)
		takeover_set_state(t, STATE_PROGRESS);
	else
		pause_and_ask(t, "08006", pg_pool_error(t->x->pool));
}

static void takeover_on_timer(void *arg)
{
	takeover_ask_progress(arg);
}

/* --- interface ----------------------------------------------------------- */

struct err takeover_new(
    struct context *x, takeover_done done, void *arg, struct takeover **out)
{
	struct takeover *t = MEM_NEW(struct takeover);
	t->x = x;
	t->done = done;
	t->arg = arg;
	t->timer = loop_timer_new(x->loop, takeover_on_timer, t);
	backoff_init(&t->backoff, CLOCK_MS(100), CLOCK_S(5));
	*out = t;
	struct err e = last_mark_new(x, on_marks, t, &t->marks);
	if (e.kind == ERR_KIND_OK)
		e = gap_new(x, on_gap, t, &t->gap);
	if (e.kind != ERR_KIND_OK)
		takeover_free(out);
	return e;
}

void takeover_start(struct takeover *t, const int32_t *partitions, size_t n)
{
	CHECK(t->state == STATE_IDLE && n > 0);
	t->n = n;
	t->again = false;
	t->taken = mem_zalloc(n * sizeof *t->taken);
	t->announced = mem_zalloc(n * sizeof *t->announced);
	t->found = mem_zalloc(n * sizeof *t->found);
	for (size_t i = 0; i < n; i++)
		t->taken[i].partition = partitions[i];
	takeover_set_state(t, STATE_PAUSE);
	loop_timer_start(t->timer, 0);
}

void takeover_stop(struct takeover *t)
{
	pg_request_cancel(&t->ask);
	log_offsets_cancel(&t->ends);
	loop_timer_stop(t->timer);
	if (t->state == STATE_MARKS)
		last_mark_stop(t->marks);
	if (t->state == STATE_GAPS)
		gap_stop(t->gap);
	free_taken(t->taken, t->taken ? t->n : 0);
	free(t->announced);
	free(t->found);
	t->taken = NULL;
	t->announced = NULL;
	t->found = NULL;
	t->n = 0;
	t->why[0] = '\0';
	takeover_set_state(t, STATE_IDLE);
}

bool takeover_running(const struct takeover *t)
{
	return t->state != STATE_IDLE;
}

const char *takeover_waits_for(const struct takeover *t)
{
	return t->state == STATE_PAUSE && *t->why ? t->why
						  : waits_for[t->state];
}

void takeover_free(struct takeover **tp)
{
	struct takeover *t = *tp;
	if (t == NULL)
		return;
	takeover_stop(t);
	last_mark_free(&t->marks);
	gap_free(&t->gap);
	loop_timer_free(&t->timer);
	free(t);
	*tp = NULL;
}
