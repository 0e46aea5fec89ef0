/* A batch, from Postgres's answer to the announcement.
 *
 * A batch may outlive its partition. If the group takes the partition away
 * while the transaction is under way, it may still commit. Then the next owner
 * and this writer may both announce it. Both announcements have the same
 * content.
 */
#include "writer/batch/batch.h"

#include "writer/batch/plan.h"
#include "writer/commits/announce.h"
#include "writer/core/crashpoint.h"
#include "writer/decide/judges.h"
#include "writer/decide/prefetch.h"
#include "writer/rejections/orders.h"
#include "writer/rejections/reject_reason.h"

#include "common/base/check.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/postgres/pg_pool.h"

#include <inttypes.h>
#include <stdlib.h>

struct batch *batch_new(struct context *x, int32_t partition, version_t from,
    struct write *writes, size_t n, size_t most)
{
	CHECK(n > 0 && writes[0].version >= from);
	struct batch *a = MEM_NEW(struct batch);
	*a = (struct batch){
	    .x = x,
	    .partition = partition,
	    .from = from,
	    .to = writes[n - 1].version + 1,
	    .writes = writes,
	    .n = n,
	    .most = most,
	    .fits = n,
	};
	for (size_t i = 0; i < n; i++)
		a->bytes += writes[i].size;
	return a;
}

static void batch_count(struct batch *a)
{
	struct stats *m = &a->x->stats;
	size_t taken_in = 0;
	const struct verdicts *v = plan_verdicts(a->plan);
	for (size_t i = 0; i < v->fold.n; i++)
		taken_in += v->fold.changes[i].nwrites - 1;
	size_t rejected = v->nrejected - v->nreplays;
	metric_add(&m->applied, (int64_t)(a->n - v->nrejected - v->ncopies));
	metric_add(&m->rejected, (int64_t)rejected);
	metric_add(&m->replayed, (int64_t)v->nreplays);
	metric_add(&m->copies, (int64_t)v->ncopies);
	metric_add(&m->coalesced, (int64_t)taken_in);
	metric_add(&m->batches, 1);
	metric_observe(
	    &m->commit_seconds, clock_wall() - a->writes[0].accepted_at);
}

/* `text` is a buffer for the document. False: another write came first. */
static bool announce_effect(struct batch *a, struct announcement *n, size_t i,
    const struct fold_effect *e, struct buf *text)
{
	buf_clear(text);
	if (!e->gone && !plan_document(a->plan, i, text)) {
		context_superseded(a->x,
		    (struct position){a->partition, e->last->version},
		    e->last->id, e->last->id_len);
		return false;
	}
	bool omitted = text->len > (size_t)a->x->settings->common.document_max;
	if (omitted)
		context_omitted(a->x, e->last->id, e->last->id_len,
		    e->last->version, text->len);
	struct record_commit r = {
	    .op = e->gone ? RECORD_DELETE : RECORD_PUT,
	    .id = e->last->id,
	    .id_len = e->last->id_len,
	    .doc = e->gone ? NULL : text->data,
	    .doc_len = text->len,
	    .omitted = omitted,
	    .version = e->last->version,
	    .accepted_at = e->last->accepted_at,
	    .has_created = e->creator != NULL,
	    .created = e->creator ? e->creator->version : 0,
	};
	announce_record(n, &r);
	metric_add(&a->x->stats.commits, 1);
	return true;
}

static void announce_change(
    struct batch *a, struct announcement *n, size_t i, struct buf *text)
{
	const struct fold_change *c = &plan_verdicts(a->plan)->fold.changes[i];
	struct fold_effect e;
	size_t at = 0;
	while (
	    fold_next_effect(c, &at, &e) && announce_effect(a, n, i, &e, text))
		;
}

static void say_anew(struct batch *a)
{
	log_event(EV_DECIDED_ANEW,
	    "partition=%d from=%" PRIu64 " to=%" PRIu64 " why=%s", a->partition,
	    a->from, a->to,
	    log_quote("a write that was announced as accepted is rejected"));
	metric_add(&a->x->stats.anew, 1);
}

static void batch_announce(struct batch *a)
{
	struct announcement *n =
	    announce_begin(a->x->announcer, a->partition, a->announce_as);
	const struct verdicts *v = plan_verdicts(a->plan);
	if (v->anew)
		say_anew(a);
	struct buf text = {0};
	for (size_t i = 0; i < v->fold.n; i++)
		announce_change(a, n, i, &text);
	buf_free(&text);
	struct record_mark mark = {
	    .from = a->from,
	    .through = a->to,
	    .told = a->told > a->to ? a->told : 0,
	    .anew = v->anew,
	    .rejected = v->rejected,
	    .nrejected = v->nrejected,
	};
	announce_mark(n, &mark);
}

/* The partition was given away meanwhile: nobody waits for the answer. */
static void batch_leave(struct batch *a, const struct err *e)
{
	if (e->kind == ERR_KIND_FENCED) {
		log_event(EV_FENCED,
		    "partition=%d from=%" PRIu64 " to=%" PRIu64
		    " found=another",
		    a->partition, a->from, a->to);
		metric_add(&a->x->stats.fenced, 1);
	}
	batch_free(&a);
}

static void batch_on_applied(void *arg, const struct pg_reply *reply)
{
	struct batch *a = arg;
	metric_observe(&a->x->stats.batch_seconds, clock_mono() - a->sent_at);
	if (reply->err.kind == ERR_KIND_OK) {
		crashpoint(CRASH_BATCH_COMMITTED);
		plan_results(a->plan, reply->results);
		batch_count(a);
		batch_announce(a);
	}
	if (reply->err.kind == ERR_KIND_OK && a->owner)
		dedup_adopt(a->producers, &plan_verdicts(a->plan)->next);
	plan_free(&a->plan);
	if (a->owner)
		a->done(a, &reply->err, reply->constraint);
	else
		batch_leave(a, &reply->err);
}

/* --- trials -------------------------------------------------------------- */

/* A write that was announced as accepted must not be rejected here. */
static struct err blame(struct batch *a, const struct pg_reply *reply)
{
	size_t n = reply->nfailures;
	size_t *guilty = mem_alloc((n + 1) * sizeof *guilty);
	size_t told = plan_guilty(a->plan, reply, guilty);
	a->blamed = 0;
	for (size_t i = 0; i < told; i++) {
		if (a->writes[guilty[i]].announced == ANNOUNCED_ACCEPTED)
			continue;
		reject_reason_write(&a->writes[guilty[i]], a->partition,
		    &reply->failures[i].err, reply->failures[i].constraint);
		a->blamed++;
	}
	free(guilty);
	bool over =
	    told == n || reply->failures[told].err.kind == ERR_KIND_REJECT;
	return over ? ERR_OK : reply->failures[told].err;
}

static void batch_on_tried(void *arg, const struct pg_reply *reply)
{
	struct batch *a = arg;
	struct err e = reply->err;
	if (a->owner && e.kind == ERR_KIND_OK)
		e = blame(a, reply);
	a->tried = e.kind == ERR_KIND_OK;
	plan_free(&a->plan);
	crashpoint(CRASH_BATCH_TRIED);
	if (a->owner)
		a->done(a, &e, reply->constraint);
	else
		batch_free(&a);
}

/* --- sending ------------------------------------------------------------- */

static bool send_plan(struct batch *a)
{
	const struct plan_batch b = {a->partition, a->from, a->to, a->writes,
	    a->n, a->producers, a->lookup,
	    judges_order(a->x->judges, a->writes, a->n)};
	a->plan = (a->trial ? plan_trial : plan_new)(a->x->statements, &b);
	size_t n = plan_queries(a->plan);
	struct pg_query *queries = mem_alloc(n * sizeof *queries);
	plan_query(a->plan, queries);
	a->sent_at = clock_mono();
	bool sent = pg_pool_submit(a->x->pool, queries, n,
	    a->trial ? batch_on_tried : batch_on_applied, a);
	free(queries);
	crashpoint(CRASH_BATCH_SENT);
	if (!sent)
		plan_free(&a->plan);
	return sent;
}

static bool send_lookup(struct batch *a);

static struct err batch_go_on(struct batch *a, PGresult *const *results)
{
	bool sent = true;
	switch (prefetch_results(a->lookup, results, a->from)) {
	case PREFETCH_MOVED:
		return err_make(ERR_KIND_RETRY, "moved",
		    "the partition is not where the batch begins");
	case PREFETCH_TOO_MUCH:
		a->fits = prefetch_fits(a->lookup);
		break;
	case PREFETCH_MORE:
		sent = send_lookup(a);
		break;
	case PREFETCH_DONE:
		sent = send_plan(a);
		break;
	}
	return sent ? ERR_OK
		    : err_make(ERR_KIND_RETRY, "08006", "%s",
			  pg_pool_error(a->x->pool));
}

/* The results are freed when this returns. The plan has copied what it needs.
 */
static void on_found(void *arg, const struct pg_reply *reply)
{
	struct batch *a = arg;
	struct err e = reply->err;
	a->asking = false;
	crashpoint(CRASH_PREFETCH_DONE);
	if (a->owner && e.kind == ERR_KIND_OK)
		e = batch_go_on(a, reply->results);
	if (a->asking)
		return;
	prefetch_free(&a->lookup);
	if (a->owner == NULL)
		batch_free(&a);
	else if (a->plan == NULL)
		a->done(a, &e, reply->constraint);
}

static bool send_lookup(struct batch *a)
{
	size_t n = prefetch_queries(a->lookup);
	struct pg_query *queries = mem_alloc(n * sizeof *queries);
	prefetch_query(a->lookup, queries);
	a->asking = pg_pool_submit(a->x->pool, queries, n, on_found, a);
	free(queries);
	crashpoint(CRASH_PREFETCH_SENT);
	return a->asking;
}

static bool batch_send(struct batch *a, bool trial)
{
	CHECK(a->plan == NULL && a->lookup == NULL && a->owner != NULL);
	a->trial = trial;
	orders_refuse(a->x->orders, a->partition, a->writes, a->n);
	a->lookup = prefetch_new(a->x->statements, a->partition, a->writes,
	    a->n, a->most, (size_t)a->x->settings->common.document_max);
	if (a->lookup == NULL)
		return send_plan(a);
	if (!send_lookup(a))
		prefetch_free(&a->lookup);
	return a->asking;
}

bool batch_submit(struct batch *a)
{
	return batch_send(a, false);
}

bool batch_try(struct batch *a)
{
	return batch_send(a, true);
}

struct write *batch_take_writes(struct batch *a)
{
	struct write *writes = a->writes;
	a->writes = NULL;
	a->n = 0;
	return writes;
}

void batch_free(struct batch **ap)
{
	struct batch *a = *ap;
	if (a == NULL)
		return;
	CHECK(a->plan == NULL && a->lookup == NULL);
	for (size_t i = 0; i < a->n; i++)
		write_clear(&a->writes[i]);
	free(a->writes);
	free(a);
	*ap = NULL;
}
