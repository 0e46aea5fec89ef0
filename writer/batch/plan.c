/* From a batch to statements, and back from their results to outcomes.
 *
 * All statements of a batch are sent together. So all rejections must be known
 * before Postgres answers. They are, except one kind (fold.h): if the first
 * write of a plain change is a delete, the statement that deletes also records
 * its rejection.
 */
#include "writer/batch/plan.h"

#include "writer/batch/side_writes.h"
#include "writer/decide/rowset.h"

#include "common/base/check.h"
#include "common/base/mem.h"
#include "common/sql/bookkeeping.h"
#include "common/sql/row_doc.h"
#include "common/sql/sql.h"

#include <stdlib.h>
#include <string.h>

enum kind { KIND_OTHER, KIND_ERASE, KIND_UPSERT, KIND_TOUCH };

/* What touched rows may have together. Each may have an equal share. */
#define TOUCHED_BYTES (INT64_C(16) << 20)

struct step {
	enum kind kind;
	const struct collection *collection;
	/* Its only change, and the slice of it. NULL: changes of all slices. */
	const struct fold_change *change;
	size_t slice;
	int64_t share; /* of touched rows: bytes that each may have */
	struct pg_params call;
};

/* The result of a change. */
struct row {
	bool existed;	   /* before; of a change that does not read */
	const PGresult *r; /* NULL: no row came back */
	int at;
	bool cut; /* it came without its large fields */
};

struct planned {
	struct verdicts verdicts;
	struct row *rows; /* one per change */
};

struct batch_plan {
	const struct statements *statements;
	struct planned *slices;
	size_t n;
	struct fold_change *alone; /* in a trial: changes of one write */
	size_t nalone;
	struct step *steps;
	size_t nsteps;
};

static const struct fold *fold_of(const struct batch_plan *p, size_t slice)
{
	return &p->slices[slice].verdicts.fold;
}

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
		r.touches += changes[i].touch;
	}
	return r;
}

/* Runs of one collection, and their sums. */
struct runs {
	const struct collection *collection;
	struct run *all;
	size_t n;
	size_t erases, firsts, puts, touches;
};

static void runs_add(struct runs *r, struct run run)
{
	r->all[r->n++] = run;
	r->erases += run.erases;
	r->firsts += run.firsts;
	r->puts += run.puts;
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
		struct pg_params *c =
		    add_step(p, KIND_UPSERT, r->collection, sql->upsert);
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
    struct slice *const *slices, size_t n, bool in_order)
{
	struct batch_plan *p = plan_begin(s, slices, n, in_order);
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

size_t plan_queries(const struct batch_plan *p)
{
	return p->nsteps;
}

void plan_query(struct batch_plan *p, struct pg_query *out)
{
	for (size_t i = 0; i < p->nsteps; i++)
		out[i] = pg_params_query(&p->steps[i].call);
}

/* --- results ------------------------------------------------------------- */

/* A place among the changes of all slices. */
struct cursor {
	size_t slice, change;
};

static bool is_change_of(const struct fold_change *c, const struct step *s,
    const char *key, size_t len)
{
	const struct write *w = c->writes[0];
	return c->collection == s->collection && w->key_len == len &&
	       memcmp(w->key, key, len) == 0;
}

static struct row *row_of(
    struct batch_plan *p, size_t slice, const struct fold_change *c)
{
	return &p->slices[slice].rows[c - fold_of(p, slice)->changes];
}

static struct row *find_row(struct batch_plan *p, const struct step *s,
    const char *key, size_t len, const struct fold_change **out)
{
	size_t first = s->change ? s->slice : 0;
	size_t end = s->change ? s->slice + 1 : p->n;
	for (size_t k = first; k < end; k++) {
		*out = fold_find(fold_of(p, k), s->collection, key, len);
		if (*out)
			return row_of(p, k, *out);
	}
	return NULL;
}

/* The result of the change of a key, or NULL. Rows come back roughly in the
 * order in which they were sent. So the search begins behind the previous one.
 */
static struct row *next_row(struct batch_plan *p, const struct step *s,
    const char *key, size_t len, struct cursor *at,
    const struct fold_change **out)
{
	for (; at->slice < p->n; at->slice++, at->change = 0) {
		const struct fold *f = fold_of(p, at->slice);
		while (at->change < f->n) {
			*out = &f->changes[at->change++];
			if (is_change_of(*out, s, key, len))
				return row_of(p, at->slice, *out);
		}
	}
	return find_row(p, s, key, len, out);
}

static int key_column_of(enum kind kind)
{
	return kind == KIND_UPSERT  ? SQL_UPSERT_ROW
	       : kind == KIND_TOUCH ? SQL_CURRENT_ROW
				    : 0;
}

static void plan_read_rows(
    struct batch_plan *p, const struct step *s, const PGresult *r)
{
	int key = key_column_of(s->kind);
	struct cursor next = {.slice = s->change ? p->n : 0};
	for (int at = 0; at < PQntuples(r); at++) {
		const struct fold_change *c;
		struct row *row = next_row(p, s, PQgetvalue(r, at, key),
		    (size_t)PQgetlength(r, at, key), &next, &c);
		if (row == NULL)
			continue; /* a trigger changed the key */
		if (s->kind == KIND_ERASE) {
			row->existed = true;
			continue;
		}
		row->r = r;
		row->at = at;
		if (s->kind == KIND_TOUCH) {
			row->existed = true;
			row->cut = pg_int8(r, at, 1) > s->share;
			continue;
		}
		bool inserted = PQgetvalue(r, at, 0)[0] != 0;
		if (!c->erase)
			row->existed = !inserted;
	}
}

static void settle(struct planned *s)
{
	const struct fold *f = &s->verdicts.fold;
	for (size_t i = 0; i < f->n; i++) {
		if (!f->changes[i].reads)
			fold_settle(&f->changes[i], s->rows[i].existed);
	}
	verdicts_collect(&s->verdicts);
}

void plan_results(struct batch_plan *p, PGresult *const *results)
{
	/* If the row of a put does not come back, a newer row was there. */
	for (size_t k = 0; k < p->n; k++) {
		for (size_t i = 0; i < fold_of(p, k)->n; i++)
			p->slices[k].rows[i].existed =
			    !fold_of(p, k)->changes[i].erase &&
			    !fold_of(p, k)->changes[i].touch;
	}
	for (size_t i = 0; i < p->nsteps; i++) {
		const struct step *s = &p->steps[i];
		if (s->kind != KIND_OTHER)
			plan_read_rows(p, s, results[i]);
	}
	for (size_t k = 0; k < p->n; k++)
		settle(&p->slices[k]);
}

static struct plan_write plan_write_of(
    const struct batch_plan *p, const struct step *s)
{
	const struct write *w = s->change->writes[0];
	const struct write *all = p->slices[s->slice].verdicts.writes;
	if (w->part) /* a batch is alone in its slice */
		return (struct plan_write){
		    s->slice, 0, (size_t)(w - all[0].operations)};
	return (struct plan_write){s->slice, (size_t)(w - all), 0};
}

/* If a change has several writes, it is not known which one failed. Later
 * writes may depend on what the others would have left. */
size_t plan_guilty(const struct batch_plan *p, const struct pg_reply *reply,
    struct plan_write *guilty)
{
	size_t n = 0;
	for (; n < reply->nfailures; n++) {
		const struct pg_failure *f = &reply->failures[n];
		const struct step *s = &p->steps[f->at];
		CHECK(s->change != NULL);
		if (f->err.kind != ERR_KIND_REJECT || s->change->nwrites > 1)
			break;
		guilty[n] = plan_write_of(p, s);
	}
	return n;
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

bool plan_document(const struct batch_plan *p, size_t slice, size_t i,
    struct buf *out, size_t *bytes)
{
	const struct fold *f = fold_of(p, slice);
	const struct row *row = &p->slices[slice].rows[i];
	size_t before = out->len;
	CHECK(i < f->n);
	if (row->r == NULL)
		return false;
	if (row->cut) {
		*bytes = (size_t)pg_int8(row->r, row->at, 1);
		return true;
	}
	row_doc_add(out, f->changes[i].collection, row->r, row->at,
	    f->changes[i].touch ? SQL_CURRENT_ROW : SQL_UPSERT_ROW);
	*bytes = out->len - before;
	return true;
}
