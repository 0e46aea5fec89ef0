/* From a batch to statements. (Back from their results: plan_results.c.)
 *
 * All statements of a batch are sent together. So all rejections must be known
 * before Postgres answers. They are, except one kind (fold.h): if the first
 * write of a plain change is a delete, the statement that deletes also records
 * its rejection.
 */
#include "writer/batch/plan_priv.h"

#include "writer/batch/side_writes.h"
#include "writer/decide/rowset.h"

#include "common/base/check.h"
#include "common/base/mem.h"
#include "common/sql/bookkeeping.h"
#include "common/sql/row_doc.h"
#include "common/sql/sql.h"

#include <stdlib.h>
#include <string.h>

/* What touched rows may have together. Each may have an equal share. */
#define TOUCHED_BYTES (INT64_C(16) << 20)

static struct pg_params *add_step(struct batch_plan *p, enum kind kind,
    const struct collection *c, const char *sql)
{
	struct step *s = &p->steps[p->nsteps++];
	*s = (struct step){.kind = kind, .collection = c, .call.sql = sql};
	return &s->call;
}

static void add_fence(
    struct batch_plan *p, struct slice *const *slices, size_t n)
{
	struct pg_params *c =
	    add_step(p, KIND_OTHER, NULL, bookkeeping_fence.sql);
	struct buf *partitions = pg_params_param(c);
	struct buf *from = pg_params_param(c), *to = pg_params_param(c);
	pg_array_begin(partitions, PG_INT4, n);
	pg_array_begin(from, PG_INT8, n);
	pg_array_begin(to, PG_INT8, n);
	for (size_t i = 0; i < n; i++) {
		pg_array_int4(partitions, slices[i]->partition);
		pg_array_int8(from, (int64_t)slices[i]->from);
		pg_array_int8(to, (int64_t)slices[i]->to);
	}
}

/* --- the changes of one collection --------------------------------------- */

/* Changes of one slice to one collection. */
struct run {
	const struct fold_change *changes;
	size_t n;
	int32_t partition;
	size_t erases; /* changes that delete a row */
	size_t firsts; /* whose first write is a delete */
	size_t puts;
	size_t fresh; /* puts of new rows */
	size_t touches;
};

static struct run run_of(
    int32_t partition, const struct fold_change *changes, size_t n)
{
	struct run r = {.changes = changes, .n = n, .partition = partition};
	for (size_t i = 0; i < n; i++) {
		r.erases += changes[i].erase;
		r.firsts += fold_needs_row(&changes[i]);
		r.puts += changes[i].put.s != NULL;
		r.fresh += changes[i].put.s != NULL && changes[i].fresh;
		r.touches += changes[i].touch;
	}
	return r;
}

/* Runs of one collection, and their sums. */
struct runs {
	const struct collection *collection;
	struct run *all;
	size_t n;
	size_t erases, firsts, puts, fresh, touches;
};

static void runs_add(struct runs *r, struct run run)
{
	r->all[r->n++] = run;
	r->erases += run.erases;
	r->firsts += run.firsts;
	r->puts += run.puts;
	r->fresh += run.fresh;
	r->touches += run.touches;
}

static void add_erased(struct pg_params *c, const struct runs *r)
{
	struct buf *keys = pg_params_param(c), *versions = pg_params_param(c);
	pg_array_begin(keys, PG_TEXT, r->erases);
	pg_array_begin(versions, PG_INT8, r->erases);
	for (size_t k = 0; k < r->n; k++) {
		const struct run *run = &r->all[k];
		for (size_t i = 0; i < run->n; i++) {
			const struct fold_change *change = &run->changes[i];
			if (!change->erase)
				continue;
			pg_array_text(keys, change->writes[0]->key,
			    change->writes[0]->key_len);
			pg_array_int8(versions, (int64_t)change->version);
		}
	}
}

static void add_firsts(struct pg_params *c, const struct runs *r)
{
	struct buf *keys = pg_params_param(c), *versions = pg_params_param(c);
	struct buf *times = pg_params_param(c);
	struct buf *partitions = pg_params_param(c);
	pg_array_begin(keys, PG_TEXT, r->firsts);
	pg_array_begin(versions, PG_INT8, r->firsts);
	pg_array_begin(times, PG_INT8, r->firsts);
	pg_array_begin(partitions, PG_INT4, r->firsts);
	for (size_t k = 0; k < r->n; k++) {
		const struct run *run = &r->all[k];
		for (size_t i = 0; i < run->n; i++) {
			const struct write *w = run->changes[i].writes[0];
			if (!fold_needs_row(&run->changes[i]))
				continue;
			pg_array_text(keys, w->key, w->key_len);
			pg_array_int8(versions, (int64_t)w->version);
			pg_array_int8(times, w->accepted_at);
			pg_array_int4(partitions, run->partition);
		}
	}
}

static void add_puts(struct pg_params *c, const struct runs *r)
{
	rowset_begin(c, r->collection, r->puts);
	for (size_t k = 0; k < r->n; k++) {
		const struct run *run = &r->all[k];
		for (size_t i = 0; i < run->n; i++) {
			if (run->changes[i].put.s)
				rowset_add(c, &run->changes[i]);
		}
	}
}

static void add_touched(struct pg_params *c, const struct runs *r)
{
	struct buf *keys = pg_params_param(c), *versions = pg_params_param(c);
	pg_array_begin(keys, PG_TEXT, r->touches);
	pg_array_begin(versions, PG_INT8, r->touches);
	for (size_t k = 0; k < r->n; k++) {
		for (size_t i = 0; i < r->all[k].n; i++) {
			const struct fold_change *change =
			    &r->all[k].changes[i];
			if (!change->touch)
				continue;
			pg_array_text(keys, change->writes[0]->key,
			    change->writes[0]->key_len);
			pg_array_int8(versions, (int64_t)change->version);
		}
	}
}

/* At most STATEMENTS. */
static void add_runs(struct batch_plan *p, const struct runs *r)
{
	const struct statements_of *sql =
	    statements_for(p->statements, r->collection);
	if (r->erases) {
		struct pg_params *c =
		    add_step(p, KIND_ERASE, r->collection, sql->erase);
		c->shape.columns = "s";
		add_erased(c, r);
		add_firsts(c, r);
		pg_params_text(c, r->collection->name);
	}
	if (r->puts) {
		/* One statement for all, so that rows are locked in the order
		 * of their keys. */
		bool inserts = p->may_insert && r->fresh == r->puts;
		struct pg_params *c = add_step(p, KIND_UPSERT, r->collection,
		    inserts ? sql->insert : sql->upsert);
		p->inserts = p->inserts || inserts;
		c->shape = row_doc_shape(SQL_UPSERT_SHAPE, r->collection);
		add_puts(c, r);
	}
	if (r->touches) {
		struct pg_params *c =
		    add_step(p, KIND_TOUCH, r->collection, sql->touch);
		c->shape = row_doc_shape(SQL_CURRENT_SHAPE, r->collection);
		struct step *step = &p->steps[p->nsteps - 1];
		step->share = TOUCHED_BYTES / (int64_t)r->touches;
		add_touched(c, r);
		pg_params_int8(c, (uint64_t)step->share);
	}
}

/* Adds the statements of one change. */
static void add_alone(
    struct batch_plan *p, size_t slice, const struct fold_change *c, bool tried)
{
	struct run run;
	struct runs runs = {.collection = c->collection, .all = &run};
	size_t first = p->nsteps;
	runs_add(&runs, run_of(p->slices[slice].verdicts.partition, c, 1));
	add_runs(p, &runs);
	for (size_t i = first; i < p->nsteps; i++) {
		p->steps[i].change = c;
		p->steps[i].slice = slice;
		p->steps[i].call.tried = tried;
	}
}

/* The changes of a slice to a collection, which are adjacent; `at` moves behind
 * them. */
static struct run next_run(const struct batch_plan *p, size_t slice,
    const struct collection *c, size_t *at)
{
	const struct fold *f = fold_of(p, slice);
	size_t first = *at;
	while (*at < f->n && f->changes[*at].collection == c)
		++*at;
	return run_of(p->slices[slice].verdicts.partition, &f->changes[first],
	    *at - first);
}

static int by_name(const void *a, const void *b)
{
	const struct collection *x = *(const struct collection *const *)a;
	const struct collection *y = *(const struct collection *const *)b;
	return strcmp(x->name, y->name);
}

/* The collections in the order in which a fold has them. Returns owned. */
static const struct collection **in_fold_order(const struct statements *s)
{
	const struct collection **all = mem_alloc((s->n + 1) * sizeof *all);
	for (size_t i = 0; i < s->n; i++)
		all[i] = s->of[i].collection;
	qsort(all, s->n, sizeof *all, by_name);
	return all;
}

/* Every statement has the changes of all slices. */
static void add_shared(struct batch_plan *p)
{
	const struct collection **all = in_fold_order(p->statements);
	size_t *at = mem_zalloc((p->n + 1) * sizeof *at);
	struct run *room = mem_alloc((p->n + 1) * sizeof *room);
	for (size_t i = 0; i < p->statements->n; i++) {
		struct runs runs = {.collection = all[i], .all = room};
		for (size_t k = 0; k < p->n; k++)
			runs_add(&runs, next_run(p, k, all[i], &at[k]));
		add_runs(p, &runs);
	}
	for (size_t k = 0; k < p->n; k++)
		CHECK(at[k] == fold_of(p, k)->n);
	free(room);
	free(at);
	free(all);
}

/* --- write by write ------------------------------------------------------ */

static int by_version(const void *a, const void *b)
{
	const struct fold_change *x = *(const struct fold_change *const *)a;
	const struct fold_change *y = *(const struct fold_change *const *)b;
	if (x->version != y->version)
		return x->version < y->version ? -1 : 1;
	/* Two operations of a batch stand in one array. */
	return x->writes[0] < y->writes[0] ? -1 : x->writes[0] > y->writes[0];
}

static size_t count_rows(const struct verdicts *v)
{
	size_t n = 0;
	for (size_t i = 0; i < v->n; i++)
		n += write_rows(&v->writes[i]);
	return n;
}

/* The changes of a slice in log order. `apart`: plain changes of several writes
 * as one change for each write. Returns owned; *n: how many. */
static const struct fold_change **in_log_order(
    struct batch_plan *p, size_t slice, bool apart, size_t *n)
{
	const struct fold *f = fold_of(p, slice);
	const struct fold_change **order = mem_alloc(
	    (count_rows(&p->slices[slice].verdicts) + 1) * sizeof *order);
	*n = 0;
	for (size_t i = 0; i < f->n; i++) {
		const struct fold_change *c = &f->changes[i];
		bool split = apart && !c->reads;
		for (size_t k = 0; split && k < c->nwrites; k++) {
			p->alone[p->nalone] = fold_alone(c, k);
			order[(*n)++] = &p->alone[p->nalone++];
		}
		if (!split)
			order[(*n)++] = c;
	}
	qsort(order, *n, sizeof *order, by_version);
	return order;
}

static void add_each(struct batch_plan *p, bool trial)
{
	for (size_t k = 0; k < p->n; k++) {
		size_t n;
		const struct fold_change **order =
		    in_log_order(p, k, trial, &n);
		for (size_t i = 0; i < n; i++)
			add_alone(p, k, order[i], trial);
		free(order);
	}
}

/* --- interface ----------------------------------------------------------- */

static void add_notes(struct batch_plan *p)
{
	struct pg_params calls[SIDE_WRITES_MAX] = {{0}};
	const struct verdicts **all = mem_alloc((p->n + 1) * sizeof *all);
	for (size_t k = 0; k < p->n; k++)
		all[k] = &p->slices[k].verdicts;
	size_t n = side_writes_make(all, p->n, calls);
	for (size_t i = 0; i < n; i++)
		p->steps[p->nsteps++] =
		    (struct step){.kind = KIND_OTHER, .call = calls[i]};
	free(all);
}

/* `each`: one statement for each write. */
static struct batch_plan *plan_begin(const struct statements *s,
    struct slice *const *slices, size_t n, bool each)
{
	/* BEGIN, SET CONSTRAINTS, the fence, ROLLBACK; those of add_runs */
	enum { FRAME = 4, STATEMENTS = 3 };
	struct batch_plan *p = MEM_NEW(struct batch_plan);
	size_t writes = 0;
	p->statements = s;
	p->slices = mem_zalloc((n + 1) * sizeof *p->slices);
	p->n = n;
	for (size_t k = 0; k < n; k++) {
		struct planned *out = &p->slices[k];
		verdicts_init(&out->verdicts, slices[k]->partition,
		    slices[k]->writes, slices[k]->n, slices[k]->producers,
		    slices[k]->lookup);
		out->rows =
		    mem_zalloc((out->verdicts.fold.n + 1) * sizeof *out->rows);
		writes += count_rows(&out->verdicts);
	}
	size_t most = each ? writes : s->n;
	p->alone = mem_alloc((writes + 1) * sizeof *p->alone);
	p->steps = mem_alloc(
	    (FRAME + STATEMENTS * most + SIDE_WRITES_MAX) * sizeof *p->steps);
	return p;
}

struct batch_plan *plan_trial(
    const struct statements *s, struct slice *const *slices, size_t n)
{
	struct batch_plan *p = plan_begin(s, slices, n, true);
	add_step(p, KIND_OTHER, NULL, "BEGIN");
	/* Otherwise these errors would appear only at COMMIT. */
	add_step(p, KIND_OTHER, NULL, "SET CONSTRAINTS ALL IMMEDIATE");
	add_fence(p, slices, n);
	add_each(p, true);
	add_step(p, KIND_OTHER, NULL, "ROLLBACK");
	return p;
}

/* In order, deferred constraints are checked with their write. SET CONSTRAINTS
 * stands in a block, because by itself it warns if there was no BEGIN. */
struct batch_plan *plan_new(const struct statements *s,
    struct slice *const *slices, size_t n, unsigned flags)
{
	bool in_order = (flags & PLAN_IN_ORDER) != 0;
	struct batch_plan *p = plan_begin(s, slices, n, in_order);
	p->may_insert = (flags & PLAN_INSERTS) != 0;
	add_fence(p, slices, n);
	if (in_order) {
		add_step(p, KIND_OTHER, NULL,
		    "DO $$BEGIN SET CONSTRAINTS ALL IMMEDIATE; END$$");
		add_each(p, false);
	} else {
		add_shared(p);
	}
	add_notes(p);
	return p;
}

bool plan_inserts(const struct batch_plan *p)
{
	return p->inserts;
}

size_t plan_queries(const struct batch_plan *p)
{
	return p->nsteps;
}

void plan_query(struct batch_plan *p, struct pg_query *out)
{
	for (size_t i = 0; i < p->nsteps; i++)
		out[i] = pg_params_query(&p->steps[i].call);
}

void plan_free(struct batch_plan **pp)
{
	struct batch_plan *p = *pp;
	if (p == NULL)
		return;
	for (size_t i = 0; i < p->nsteps; i++)
		pg_params_free(&p->steps[i].call);
	for (size_t k = 0; k < p->n; k++) {
		verdicts_free(&p->slices[k].verdicts);
		free(p->slices[k].rows);
	}
	free(p->steps);
	free(p->alone);
	free(p->slices);
	free(p);
	*pp = NULL;
}

const struct verdicts *plan_verdicts(const struct batch_plan *p, size_t slice)
{
	return &p->slices[slice].verdicts;
}
