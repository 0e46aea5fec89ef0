/* A batch, from Postgres's answer to the announcement.
 *
 * It outlives its partition: a transaction that is under way when the group
 * takes the partition back may still commit, and is then announced by whoever
 * comes first, the next owner or this one. Both say the same.
 */
#include "writer/apply.h"

#include "writer/plan.h"

#include "common/check.h"
#include "common/log.h"
#include "common/mem.h"

#include <inttypes.h>
#include <stdlib.h>

struct apply *apply_new(struct context *x, int32_t partition, version_t from,
    struct write *writes, size_t n)
{
	CHECK(n > 0 && writes[0].version >= from);
	struct apply *a = MEM_NEW(struct apply);
	*a = (struct apply){
	    .x = x,
	    .partition = partition,
	    .from = from,
	    .to = writes[n - 1].version + 1,
	    .writes = writes,
	    .n = n,
	};
	for (size_t i = 0; i < n; i++)
		a->bytes += writes[i].body_len;
	return a;
}

static void count(struct apply *a)
{
	struct stats *m = &a->x->stats;
	size_t nrejected, taken_in = 0;
	plan_rejected(a->plan, &nrejected);
	const struct fold *f = plan_fold(a->plan);
	for (size_t i = 0; i < f->n; i++)
		taken_in += f->changes[i].nwrites - 1;
	metric_add(&m->applied, (int64_t)(a->n - nrejected));
	metric_add(&m->rejected, (int64_t)nrejected);
	metric_add(&m->coalesced, (int64_t)taken_in);
	metric_add(&m->batches, 1);
	metric_observe(
	    &m->commit_seconds, clock_wall() - a->writes[0].accepted_at);
}

static void announce_change(struct apply *a, struct announcement *n, size_t i)
{
	const struct fold_change *c = &plan_fold(a->plan)->changes[i];
	const struct plan_row *row = plan_row(a->plan, i);
	struct fold_effect e = fold_effect(c, row->existed);
	if (e.last == NULL)
		return;
	if (c->put && row->doc == NULL) {
		metric_add(&a->x->stats.superseded, 1);
		log_event(EV_WRITE_SUPERSEDED, "partition=%d version=%" PRIu64,
		    a->partition, c->version);
		return;
	}
	struct record_commit r = {
	    .op = c->put ? RECORD_PUT : RECORD_DELETE,
	    .id = e.last->id,
	    .id_len = e.last->id_len,
	    .doc = c->put ? row->doc : NULL,
	    .doc_len = c->put ? row->doc_len : 0,
	    .version = e.last->version,
	    .accepted_at = e.last->accepted_at,
	    .has_created = c->put && e.creator,
	    .created = e.creator ? e.creator->version : 0,
	};
	announce_record(n, &r);
	metric_add(&a->x->stats.commits, 1);
}

static void announce(struct apply *a)
{
	struct announcement *n =
	    announce_begin(a->x->announcer, a->partition, a->announce_as);
	for (size_t i = 0; i < plan_fold(a->plan)->n; i++)
		announce_change(a, n, i);
	struct record_mark mark = {.from = a->from, .through = a->to};
	const struct record_rejection *list =
	    plan_rejected(a->plan, &mark.nrejected);
	/* Borrowed: the mark is only written. */
	mark.rejected = (struct record_rejection *)(uintptr_t)list;
	announce_mark(n, &mark);
}

static void on_reply(void *arg, const struct pg_reply *reply)
{
	struct apply *a = arg;
	metric_observe(&a->x->stats.batch_seconds, clock_mono() - a->sent_at);
	if (reply->err.verdict == VERDICT_OK) {
		plan_results(a->plan, reply->results);
		count(a);
		announce(a);
	}
	plan_free(&a->plan);
	if (a->owner)
		a->done(a, &reply->err, reply->constraint);
	else
		apply_free(&a);
}

bool apply_submit(struct apply *a)
{
	CHECK(a->plan == NULL);
	const struct plan_batch b = {
	    a->partition, a->from, a->to, a->writes, a->n};
	a->plan = plan_new(a->x->statements, &b);
	size_t n = plan_queries(a->plan);
	struct pg_query *queries = mem_alloc(n * sizeof *queries);
	plan_query(a->plan, queries);
	a->sent_at = clock_mono();
	bool sent = pool_submit(a->x->pool, queries, n, on_reply, a);
	free(queries);
	if (!sent)
		plan_free(&a->plan);
	return sent;
}

struct write *apply_take_writes(struct apply *a)
{
	struct write *writes = a->writes;
	a->writes = NULL;
	a->n = 0;
	return writes;
}

void apply_free(struct apply **ap)
{
	struct apply *a = *ap;
	if (a == NULL)
		return;
	CHECK(a->plan == NULL);
	for (size_t i = 0; i < a->n; i++)
		write_clear(&a->writes[i]);
	free(a->writes);
	free(a);
	*ap = NULL;
}
