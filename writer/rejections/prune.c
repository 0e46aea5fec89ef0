/* A round runs the steps of a table, one transaction each, every
 * prune.interval. A step that deleted its maximum of rows runs again at once.
 *
 * The outcome of a write is known as long as its version is not below
 * sluice.progress.horizon. Versions have no time. So every round records the
 * watermarks (sluice.checkpoints): a version is old enough if a checkpoint that
 * is old enough had passed it. First the horizon moves, then what is below it
 * is deleted. So nobody takes a deleted rejection for a commit.
 *
 * Partitions that the log no longer has (writer/commands/advance_epoch.c) have
 * no owner and no horizon. Their rows are deleted by age. Replays have no time;
 * they are deleted last.
 */
#include "writer/rejections/prune.h"

#include "common/postgres/pg_params.h"
#include "writer/core/pg_request.h"

#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/sql/bookkeeping.h"

#include <stdlib.h>

#define STEP CLOCK_MS(100)
#define WEEK CLOCK_S(7 * 24 * 3600)

enum parameter { PARTITIONS, PARTITIONS_AND_AGE, AGE, NOTHING };
enum age { NO_AGE, KEYS, REJECTIONS, PRODUCERS };

static const struct step {
	const struct pg_statement *statement;
	enum parameter parameter;
	enum age age;
} steps[] = {
    {&bookkeeping_note_checkpoints, PARTITIONS, NO_AGE},
    {&bookkeeping_move_horizon, PARTITIONS_AND_AGE, REJECTIONS},
    {&bookkeeping_prune_rejections, PARTITIONS, NO_AGE},
    {&bookkeeping_prune_replays, PARTITIONS, NO_AGE},
    {&bookkeeping_prune_checkpoints, PARTITIONS, NO_AGE},
    {&bookkeeping_prune_rejections_gone, AGE, REJECTIONS},
    {&bookkeeping_prune_checkpoints_gone, AGE, REJECTIONS},
    {&bookkeeping_prune_replays_gone, NOTHING, NO_AGE},
    {&bookkeeping_prune_idempotency, AGE, KEYS},
    {&bookkeeping_prune_producers, AGE, PRODUCERS},
};
enum { STEPS = sizeof steps / sizeof *steps };

struct prune {
	struct context *x;
	struct loop_timer *timer;
	struct pg_request *ask;
	size_t at; /* the step */
	struct partition *const *parts;
	size_t n;
};

/* A copy of a record can come only as long as the log has the record. */
static dur_us_t age_of(const struct prune *p, enum age age)
{
	const struct writer_settings *s = p->x->settings;
	switch (age) {
	case KEYS:
		return s->idempotency_keep;
	case REJECTIONS:
		return s->rejections_keep;
	case PRODUCERS:
		return s->retention > WEEK ? s->retention : WEEK;
	case NO_AGE:
		break;
	}
	return 0;
}

static void list_owned(const struct prune *p, struct buf *out)
{
	size_t n = 0;
	for (size_t i = 0; i < p->n; i++)
		n += p->parts[i] != NULL;
	pg_array_begin(out, PG_INT4, n);
	for (size_t i = 0; i < p->n; i++) {
		if (p->parts[i])
			pg_array_int4(out, (int32_t)i);
	}
}

static void next_step(struct prune *p)
{
	p->at = (p->at + 1) % STEPS;
	loop_timer_start(
	    p->timer, p->at ? STEP : p->x->settings->prune_interval);
}

static void on_done(void *arg, const struct pg_reply *reply)
{
	struct prune *p = arg;
	p->ask = NULL;
	if (reply->err.kind != ERR_KIND_OK)
		log_event(EV_PRUNE_FAILED, "step=%zu code=%s error=%s", p->at,
		    reply->err.code, log_quote(reply->err.msg));
	else if (PQntuples(reply->results[0]) >= BOOKKEEPING_PRUNE_ROWS) {
		loop_timer_start(p->timer, STEP);
		return;
	}
	next_step(p);
}

static void prune_on_timer(void *arg)
{
	struct prune *p = arg;
	const struct step *s = &steps[p->at];
	struct pg_params c = pg_statement_params(s->statement);
	if (s->parameter == PARTITIONS || s->parameter == PARTITIONS_AND_AGE)
		list_owned(p, pg_params_param(&c));
	if (s->parameter == AGE || s->parameter == PARTITIONS_AND_AGE)
		pg_params_int8(&c, (uint64_t)age_of(p, s->age));
	const struct pg_query q = pg_params_query(&c);
	p->ask = pg_request_submit(p->x->pool, &q, 1, on_done, p);
	pg_params_free(&c);
	if (p->ask == NULL)
		loop_timer_start(p->timer, p->x->settings->prune_interval);
}

struct prune *prune_new(
    struct context *x, struct partition *const *parts, size_t n)
{
	struct prune *p = MEM_NEW(struct prune);
	p->x = x;
	p->parts = parts;
	p->n = n;
	p->timer = loop_timer_new(x->loop, prune_on_timer, p);
	loop_timer_start(p->timer, x->settings->prune_interval);
	return p;
}

void prune_free(struct prune **pp)
{
	struct prune *p = *pp;
	if (p == NULL)
		return;
	pg_request_cancel(&p->ask);
	loop_timer_free(&p->timer);
	free(p);
	*pp = NULL;
}
