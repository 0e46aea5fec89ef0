#include "writer/commands/drain_log.h"

#include "writer/commits/announce.h"
#include "writer/core/pg_request.h"
#include "writer/startup/log_offsets.h"

#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/postgres/pg_binary.h"
#include "common/sql/bookkeeping.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define PERIOD CLOCK_MS(500)

struct drain_log {
	struct context *x;
	struct partition *const *parts;
	const bool *member;
	int64_t *highs; /* by partition: the end of the log */
	size_t n;
	int64_t left; /* as it was logged last */
	struct log_offsets *ends;
	struct pg_request *ask;
	struct loop_timer *timer;
	void (*done)(void *arg);
	void *arg;
};

static bool all_announced(const struct drain_log *e)
{
	for (size_t i = 0; i < e->n; i++) {
		if (e->parts[i] &&
		    partition_state(e->parts[i]) != PARTITION_FILLING)
			return false;
	}
	return *e->member && announcer_outstanding(e->x->announcer) == 0;
}

static int64_t drain_log_left(const struct drain_log *e, const PGresult *r)
{
	int64_t sum = 0;
	for (int row = 0; row < PQntuples(r); row++) {
		int32_t p = pg_int4(r, row, 0);
		version_t v = (version_t)pg_int8(r, row, 1);
		if (p >= 0 && (size_t)p < e->n &&
		    e->highs[p] > version_offset(v))
			sum += e->highs[p] - version_offset(v);
	}
	return sum;
}

static void drain_log_on_progress(void *arg, const struct pg_reply *reply)
{
	struct drain_log *e = arg;
	e->ask = NULL;
	loop_timer_start(e->timer, PERIOD);
	if (reply->err.kind != ERR_KIND_OK)
		return; /* the partition that applies reports the error */
	int64_t now = drain_log_left(e, reply->results[0]);
	if (now != e->left)
		log_event(EV_EMPTYING, "left=%" PRId64, now);
	e->left = now;
	if (now > 0 || !all_announced(e))
		return;
	loop_timer_stop(e->timer);
	e->done(e->arg);
}

static void drain_log_on_ends(void *arg, const struct err *failed,
    const struct log_offsets_of *list, size_t n)
{
	struct drain_log *e = arg;
	const struct pg_query q = pg_statement_query(&bookkeeping_progress);
	e->ends = NULL;
	for (size_t i = 0; i < n; i++)
		e->highs[i] = list[i].high;
	if (failed->kind == ERR_KIND_OK)
		e->ask = pg_request_submit(
		    e->x->pool, &q, 1, drain_log_on_progress, e);
	if (e->ask == NULL)
		loop_timer_start(e->timer, PERIOD);
}

static void drain_log_on_timer(void *arg)
{
	struct drain_log *e = arg;
	int32_t *all = mem_alloc(e->n * sizeof *all);
	for (size_t i = 0; i < e->n; i++)
		all[i] = (int32_t)i;
	e->ends = log_offsets_ask(e->x, all, e->n, drain_log_on_ends, e);
	free(all);
}

struct drain_log *drain_log_new(struct context *x,
    struct partition *const *parts, const bool *member, void (*done)(void *arg),
    void *arg)
{
	struct drain_log *e = MEM_NEW(struct drain_log);
	e->x = x;
	e->parts = parts;
	e->member = member;
	e->n = (size_t)x->settings->common.partitions;
	e->highs = mem_zalloc(e->n * sizeof *e->highs);
	e->left = -1;
	e->done = done;
	e->arg = arg;
	e->timer = loop_timer_new(x->loop, drain_log_on_timer, e);
	loop_timer_start(e->timer, PERIOD);
	return e;
}

void drain_log_free(struct drain_log **ep)
{
	struct drain_log *e = *ep;
	if (e == NULL)
		return;
	pg_request_cancel(&e->ask);
	log_offsets_cancel(&e->ends);
	loop_timer_free(&e->timer);
	free(e->highs);
	free(e);
	*ep = NULL;
}
