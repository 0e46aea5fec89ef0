/* The units that a batch sends to Postgres, and the answers to them: the rows
 * that its writes need; the transaction; the trial of a batch that was
 * rejected.
 */
#include "writer/batch/batch_priv.h"

#include "writer/batch/announce_slice.h"
#include "writer/batch/batch_trace.h"
#include "writer/core/crashpoint.h"
#include "writer/decide/judges.h"
#include "writer/decide/prefetch.h"
#include "writer/rejections/orders.h"
#include "writer/rejections/reject_reason.h"
#include "writer/takeover/other_partitions.h"

#include "common/base/mem.h"

#include <stdlib.h>

static bool submit(
    struct batch *b, const struct pg_query *queries, size_t n, pg_done done)
{
	return pg_pool_submit_from(
	    b->x->pool, batch_first_connection(b), queries, n, done, b);
}

/* --- the transaction ----------------------------------------------------- */

static void count_collections(
    struct batch *b, const struct slice *s, const struct verdicts *v)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct collection *c = s->writes[i].collection;
		if (c == NULL || v->out[i])
			continue;
		struct collection_stats *m = &b->x->collections[c->index];
		bool applied = verdicts_reason(v, i) == REASON_NONE;
		metric_add(applied ? &m->committed : &m->rejected, 1);
	}
}

static void count_slice(struct batch *b, const struct slice *s, size_t k)
{
	struct stats *m = &b->x->stats;
	const struct verdicts *v = plan_verdicts(b->plan, k);
	size_t taken_in = 0;
	for (size_t i = 0; i < v->fold.n; i++)
		taken_in += v->fold.changes[i].nwrites - 1;
	metric_add(&m->applied, (int64_t)(s->n - v->nsaid - v->ncopies));
	metric_add(&m->rejected, (int64_t)v->nrejected);
	metric_add(&m->replayed, (int64_t)v->nreplays);
	metric_add(&m->copies, (int64_t)v->ncopies);
	metric_add(&m->coalesced, (int64_t)taken_in);
	count_collections(b, s, v);
	metric_observe(
	    &m->commit_seconds, clock_wall() - s->writes[0].accepted_at);
}

static void count_commit(struct batch *b)
{
	struct stats *m = &b->x->stats;
	metric_add(&m->batches, 1);
	metric_add(&m->batch_slices, (int64_t)b->n);
	for (size_t k = 0; k < b->n; k++)
		metric_add(&m->batch_writes, (int64_t)b->slices[k]->n);
	metric_observe(&m->batch_seconds, clock_mono() - b->since);
}

static void batch_on_applied(void *arg, const struct pg_reply *reply)
{
	struct batch *b = arg;
	if (reply->err.kind != ERR_KIND_OK) {
		plan_free(&b->plan);
		batch_failed(b, &reply->err, reply->constraint);
		return;
	}
	crashpoint(CRASH_BATCH_COMMITTED);
	count_commit(b);
	plan_results(b->plan, reply->results);
	batch_trace(b);
	for (size_t k = 0; k < b->n; k++) {
		struct slice *s = b->slices[k];
		count_slice(b, s, k);
		if (s->owner)
			dedup_adopt(
			    s->producers, &plan_verdicts(b->plan, k)->next);
	}
	batch_hand_over(b);
	for (size_t k = 0; k < b->n; k++) {
		announce_slice(b->x, b->slices[k], b->plan, k);
		crashpoint(CRASH_SLICE_ANNOUNCED);
	}
	plan_free(&b->plan);
	batch_announced(b);
}

/* A write that was announced as accepted must not be rejected here. Returns how
 * many writes are rejected. */
static size_t blame(struct batch *b, const struct pg_reply *reply, size_t n,
    const struct plan_write *guilty)
{
	size_t blamed = 0;
	for (size_t i = 0; i < n; i++) {
		struct slice *s = b->slices[guilty[i].slice];
		struct write *w = &s->writes[guilty[i].write];
		if (w->announced == ANNOUNCED_ACCEPTED)
			continue;
		if (w->refused == REASON_NONE &&
		    batch_may_come(
			b, w, guilty[i].operation, &reply->failures[i].err)) {
			/* Those before it may be what others wait for. Those
			 * behind it may have failed because of it. */
			if (guilty[i].write > 0)
				s->fits = guilty[i].write;
			else
				b->missing = reply->failures[i].err;
			break;
		}
		if (w->noperations == 0)
			reject_reason_write(w, s->partition,
			    &reply->failures[i].err,
			    reply->failures[i].constraint);
		else if (w->refused == REASON_NONE)
			reject_reason_operation(w, guilty[i].operation,
			    s->partition, &reply->failures[i].err,
			    reply->failures[i].constraint);
		s->tried = true;
		blamed++;
	}
	return blamed;
}

static void batch_on_tried(void *arg, const struct pg_reply *reply)
{
	struct batch *b = arg;
	struct err e = reply->err;
	size_t blamed = 0, n = reply->nfailures;
	b->trial = false;
	if (e.kind == ERR_KIND_OK) {
		struct plan_write *guilty = mem_alloc((n + 1) * sizeof *guilty);
		size_t told = plan_guilty(b->plan, reply, guilty);
		blamed = blame(b, reply, told, guilty);
		if (told < n &&
		    reply->failures[told].err.kind != ERR_KIND_REJECT)
			e = reply->failures[told].err;
		free(guilty);
	}
	plan_free(&b->plan);
	crashpoint(CRASH_BATCH_TRIED);
	if (e.kind != ERR_KIND_OK) {
		batch_failed(b, &e, "");
		return;
	}
	batch_tried(b, blamed);
}

static bool must_be_in_order(const struct batch *b)
{
	for (size_t k = 0; k < b->n; k++) {
		if (judges_order(
			b->x->judges, b->slices[k]->writes, b->slices[k]->n))
			return true;
	}
	return false;
}

static void send_plan(struct batch *b)
{
	const struct statements *sql = b->x->statements;
	unsigned flags = (must_be_in_order(b) ? PLAN_IN_ORDER : 0) |
			 (b->upserts ? 0 : PLAN_INSERTS);
	b->plan = b->trial ? plan_trial(sql, b->slices, b->n)
			   : plan_new(sql, b->slices, b->n, flags);
	b->inserts = plan_inserts(b->plan);
	for (size_t k = 0; k < b->n; k++)
		prefetch_free(&b->slices[k]->lookup);
	size_t n = plan_queries(b->plan);
	struct pg_query *queries = mem_alloc(n * sizeof *queries);
	plan_query(b->plan, queries);
	batch_set_state(b, b->trial ? STATE_TRIAL : STATE_SENT);
	bool sent =
	    submit(b, queries, n, b->trial ? batch_on_tried : batch_on_applied);
	free(queries);
	crashpoint(CRASH_BATCH_SENT);
	if (sent)
		return;
	plan_free(&b->plan);
	batch_wait_for_connection(b);
}

/* --- the rows that writes need ------------------------------------------- */

static void send_prefetch(struct batch *b);

/* What the answer says of each slice that reads. */
struct found {
	bool moved, more;
};

static struct found take_rows(struct batch *b, PGresult *const *results)
{
	struct found found = {0};
	for (size_t k = 0; k < b->n; k++) {
		struct slice *s = b->slices[k];
		if (s->lookup == NULL)
			continue;
		PGresult *const *its = results;
		results += prefetch_queries(s->lookup);
		switch (prefetch_results(s->lookup, its, s->from)) {
		case PREFETCH_MOVED:
			found.moved = true;
			break;
		case PREFETCH_TOO_MUCH:
			s->fits = prefetch_fits(s->lookup);
			break;
		case PREFETCH_MORE:
			found.more = true;
			break;
		case PREFETCH_DONE:
			break;
		}
	}
	return found;
}

/* The answers are freed when this returns. The plan has copied what it needs.
 * If one slice needs more, all ask again, because they borrow the answers. */
static void on_found(void *arg, const struct pg_reply *reply)
{
	struct batch *b = arg;
	crashpoint(CRASH_PREFETCH_DONE);
	if (reply->err.kind != ERR_KIND_OK) {
		batch_failed(b, &reply->err, reply->constraint);
		return;
	}
	struct found found = take_rows(b, reply->results);
	if (batch_is_cut(b))
		return;
	struct err moved = err_make(ERR_KIND_FENCED, "moved",
	    "a partition is not where the batch begins");
	if (found.moved)
		batch_failed(b, &moved, "");
	else if (found.more)
		send_prefetch(b);
	else
		send_plan(b);
}

static void send_prefetch(struct batch *b)
{
	size_t n = 0;
	for (size_t k = 0; k < b->n; k++)
		n += b->slices[k]->lookup
			 ? prefetch_queries(b->slices[k]->lookup)
			 : 0;
	struct pg_query *queries = mem_alloc((n + 1) * sizeof *queries);
	struct pg_query *next = queries;
	for (size_t k = 0; k < b->n; k++) {
		struct prefetch *l = b->slices[k]->lookup;
		if (l == NULL)
			continue;
		prefetch_query(l, next);
		next += prefetch_queries(l);
	}
	batch_set_state(b, STATE_PREFETCH);
	bool sent = submit(b, queries, n, on_found);
	free(queries);
	crashpoint(CRASH_PREFETCH_SENT);
	if (!sent)
		batch_wait_for_connection(b);
}

size_t batch_document_max(const struct write *w, size_t most)
{
	enum { TOGETHER = 128 << 20 };
	size_t share = TOGETHER / write_rows(w);
	return most < share ? most : share;
}

void batch_send(struct batch *b)
{
	struct context *x = b->x;
	bool reads = false;
	if (batch_is_cut(b))
		return;
	b->expects = false;
	b->missing = ERR_OK;
	b->others_there = b->others && other_partitions_are_there(b->others);
	for (size_t k = 0; k < b->n; k++) {
		struct slice *s = b->slices[k];
		orders_refuse(x->orders, s->partition, s->writes, s->n);
		prefetch_free(&s->lookup);
		s->lookup = prefetch_new(x->statements, s->partition, s->writes,
		    s->n, s->most,
		    batch_document_max(&s->writes[0],
			(size_t)x->settings->common.document_max));
		reads = reads || s->lookup;
	}
	if (reads)
		send_prefetch(b);
	else
		send_plan(b);
}
