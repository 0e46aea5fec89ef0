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

enum kind { KIND_OTHER, KIND_ERASE, KIND_UPSERT };

struct step {
	enum kind kind;
	const struct collection *collection;
	const struct fold_change *change; /* its only one; else NULL */
	struct pg_params call;
};

/* The result of a change. */
struct row {
	bool existed;	   /* before; of a change that does not read */
	const PGresult *r; /* NULL: no row came back */
	int at;
};

struct batch_plan {
	const struct statements *statements;
	int32_t partition;
	struct verdicts verdicts;
	struct row *rows;	   /* one per change */
	struct fold_change *alone; /* in a trial: changes of one write */
	size_t nalone;
	struct step *steps;
	size_t nsteps;
};

static struct pg_params *add_step(struct batch_plan *p, enum kind kind,
    const struct collection *c, const char *sql)
{
	struct step *s = &p->steps[p->nsteps++];
	*s = (struct step){.kind = kind, .collection = c, .call.sql = sql};
	return &s->call;
}

static void add_fence(struct batch_plan *p, const struct plan_batch *b)
{
	struct pg_params *c =
	    add_step(p, KIND_OTHER, NULL, bookkeeping_fence.sql);
	pg_params_int4(c, b->partition);
	pg_params_int8(c, b->from);
	pg_params_int8(c, b->to);
}

/* A run: the changes of one collection. */
struct run {
	const struct fold_change *changes;
	size_t n;
	size_t erases; /* changes that delete a row */
	size_t firsts; /* whose first write is a delete */
	size_t puts;
};

static struct run next_run(const struct fold_change *changes, size_t n)
{
	struct run r = {.changes = changes};
	const struct collection *c = r.changes->collection;
	for (; r.n < n && r.changes[r.n].collection == c; r.n++) {
		r.erases += r.changes[r.n].erase;
		r.firsts += fold_needs_row(&r.changes[r.n]);
		r.puts += r.changes[r.n].put.s != NULL;
	}
	return r;
}

static void add_erased(struct pg_params *c, const struct run *r)
{
	struct buf *keys = pg_params_param(c), *versions = pg_params_param(c);
	pg_array_begin(keys, PG_TEXT, r->erases);
	pg_array_begin(versions, PG_INT8, r->erases);
	for (size_t i = 0; i < r->n; i++) {
		const struct fold_change *change = &r->changes[i];
		if (!change->erase)
			continue;
		pg_array_text(
		    keys, change->writes[0]->key, change->writes[0]->key_len);
		pg_array_int8(versions, (int64_t)change->version);
	}
}

static void add_firsts(struct pg_params *c, const struct run *r)
{
	struct buf *keys = pg_params_param(c), *versions = pg_params_param(c);
	struct buf *times = pg_params_param(c);
	pg_array_begin(keys, PG_TEXT, r->firsts);
	pg_array_begin(versions, PG_INT8, r->firsts);
	pg_array_begin(times, PG_INT8, r->firsts);
	for (size_t i = 0; i < r->n; i++) {
		const struct write *w = r->changes[i].writes[0];
		if (!fold_needs_row(&r->changes[i]))
			continue;
		pg_array_text(keys, w->key, w->key_len);
		pg_array_int8(versions, (int64_t)w->version);
		pg_array_int8(times, w->accepted_at);
	}
}

static void add_run(struct batch_plan *p, const struct run *r)
{
	const struct collection *collection = r->changes->collection;
	const struct statements_of *sql =
	    statements_for(p->statements, collection);
	if (r->erases) {
		struct pg_params *c =
		    add_step(p, KIND_ERASE, collection, sql->erase);
		c->shape.columns = "s";
		add_erased(c, r);
		add_firsts(c, r);
		pg_params_int4(c, p->partition);
		pg_params_text(c, collection->name);
	}
	if (r->puts == 0)
		return;
	struct pg_params *c = add_step(p, KIND_UPSERT, collection, sql->upsert);
	c->shape = row_doc_shape(SQL_UPSERT_SHAPE, collection);
	rowset_begin(c, collection, r->puts);
	for (size_t i = 0; i < r->n; i++) {
		if (r->changes[i].put.s)
			rowset_add(c, &r->changes[i]);
	}
}

/* --- trials -------------------------------------------------------------- */

static int by_version(const void *a, const void *b)
{
	const struct fold_change *x = *(const struct fold_change *const *)a;
	const struct fold_change *y = *(const struct fold_change *const *)b;
	return x->version < y->version ? -1 : x->version > y->version;
}

static void try_change(struct batch_plan *p, const struct fold_change *c)
{
	const struct run alone = next_run(c, 1);
	size_t first = p->nsteps;
	add_run(p, &alone);
	for (size_t i = first; i < p->nsteps; i++) {
		p->steps[i].change = c;
		p->steps[i].call.tried = true;
	}
}

static void try_changes(struct batch_plan *p)
{
	const struct fold *f = &p->verdicts.fold;
	size_t n = 0, most = p->verdicts.n + 1;
	const struct fold_change **order = mem_alloc(most * sizeof *order);
	p->alone = mem_alloc(most * sizeof *p->alone);
	for (size_t i = 0; i < f->n; i++) {
		const struct fold_change *c = &f->changes[i];
		for (size_t k = 0; !c->reads && k < c->nwrites; k++) {
			p->alone[p->nalone] = fold_alone(c, k);
			order[n++] = &p->alone[p->nalone++];
		}
		if (c->reads)
			order[n++] = c;
	}
	qsort(order, n, sizeof *order, by_version);
	for (size_t i = 0; i < n; i++)
		try_change(p, order[i]);
	free(order);
}

/* --- interface ----------------------------------------------------------- */

static void add_notes(struct batch_plan *p)
{
	struct pg_params calls[SIDE_WRITES_MAX] = {{0}};
	size_t n = side_writes_make(&p->verdicts, calls);
	for (size_t i = 0; i < n; i++)
		p->steps[p->nsteps++] =
		    (struct step){.kind = KIND_OTHER, .call = calls[i]};
}

static struct batch_plan *plan_begin(
    const struct statements *s, const struct plan_batch *b, bool trial)
{
	enum { FRAME = 4 }; /* BEGIN, SET CONSTRAINTS, the fence, ROLLBACK */
	struct batch_plan *p = MEM_NEW(struct batch_plan);
	p->statements = s;
	p->partition = b->partition;
	verdicts_init(&p->verdicts, b->partition, b->writes, b->n, b->producers,
	    b->lookup);
	size_t runs = trial || b->in_order ? b->n : s->n;
	p->rows = mem_zalloc((p->verdicts.fold.n + 1) * sizeof *p->rows);
	p->steps =
	    mem_alloc((FRAME + 2 * runs + SIDE_WRITES_MAX) * sizeof *p->steps);
	return p;
}

struct batch_plan *plan_trial(
    const struct statements *s, const struct plan_batch *b)
{
	struct batch_plan *p = plan_begin(s, b, true);
	add_step(p, KIND_OTHER, NULL, "BEGIN");
	/* Otherwise these errors would appear only at COMMIT. */
	add_step(p, KIND_OTHER, NULL, "SET CONSTRAINTS ALL IMMEDIATE");
	add_fence(p, b);
	try_changes(p);
	add_step(p, KIND_OTHER, NULL, "ROLLBACK");
	return p;
}

static void add_runs(struct batch_plan *p)
{
	const struct fold *f = &p->verdicts.fold;
	for (size_t at = 0; at < f->n;) {
		struct run r = next_run(&f->changes[at], f->n - at);
		add_run(p, &r);
		at += r.n;
	}
}

/* Adds one statement for each write, in log order. Deferred constraints are
 * checked with their write. SET CONSTRAINTS stands in a block, because by
 * itself it warns if there was no BEGIN. */
static void add_ordered(struct batch_plan *p)
{
	const struct fold *f = &p->verdicts.fold;
	const struct fold_change **order =
	    mem_alloc((f->n + 1) * sizeof *order);
	add_step(p, KIND_OTHER, NULL,
	    "DO $$BEGIN SET CONSTRAINTS ALL IMMEDIATE; END$$");
	for (size_t i = 0; i < f->n; i++)
		order[i] = &f->changes[i];
	qsort(order, f->n, sizeof *order, by_version);
	for (size_t i = 0; i < f->n; i++) {
		const struct run alone = next_run(order[i], 1);
		size_t first = p->nsteps;
		add_run(p, &alone);
		for (size_t k = first; k < p->nsteps; k++)
			p->steps[k].change = order[i];
	}
	free(order);
}

struct batch_plan *plan_new(
    const struct statements *s, const struct plan_batch *b)
{
	struct batch_plan *p = plan_begin(s, b, false);
	add_fence(p, b);
	if (b->in_order)
		add_ordered(p);
	else
		add_runs(p);
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

/* The change of a key, or NULL. Rows come back roughly in the order in which
 * they were sent. So the search begins behind the previous one. */
static const struct fold_change *change_of(const struct fold *f,
    const struct step *s, const char *key, size_t len, size_t *next)
{
	for (; *next < f->n; (*next)++) {
		const struct fold_change *c = &f->changes[*next];
		const struct write *w = c->writes[0];
		if (c->collection == s->collection && w->key_len == len &&
		    memcmp(w->key, key, len) == 0)
			return &f->changes[(*next)++];
	}
	return fold_find(f, s->collection, key, len);
}

static void plan_read_rows(
    struct batch_plan *p, const struct step *s, const PGresult *r)
{
	const struct fold *f = &p->verdicts.fold;
	int key = s->kind == KIND_UPSERT ? SQL_UPSERT_ROW : 0;
	size_t next = s->change ? f->n : 0;
	for (int row = 0; row < PQntuples(r); row++) {
		const struct fold_change *c =
		    change_of(f, s, PQgetvalue(r, row, key),
			(size_t)PQgetlength(r, row, key), &next);
		if (c == NULL)
			continue; /* a trigger changed the key */
		struct row *out = &p->rows[c - f->changes];
		if (s->kind == KIND_ERASE) {
			out->existed = true;
			continue;
		}
		bool inserted = PQgetvalue(r, row, 0)[0] != 0;
		if (!c->erase)
			out->existed = !inserted;
		out->r = r;
		out->at = row;
	}
}

static void settle(struct batch_plan *p)
{
	const struct fold *f = &p->verdicts.fold;
	for (size_t i = 0; i < f->n; i++) {
		if (!f->changes[i].reads)
			fold_settle(&f->changes[i], p->rows[i].existed);
	}
	verdicts_collect(&p->verdicts);
}

void plan_results(struct batch_plan *p, PGresult *const *results)
{
	/* If the row of a put does not come back, a newer row was there. */
	for (size_t i = 0; i < p->verdicts.fold.n; i++)
		p->rows[i].existed = !p->verdicts.fold.changes[i].erase;
	for (size_t i = 0; i < p->nsteps; i++) {
		const struct step *s = &p->steps[i];
		if (s->kind != KIND_OTHER)
			plan_read_rows(p, s, results[i]);
	}
	settle(p);
}

/* If a change has several writes, it is not known which one failed. Later
 * writes may depend on what the others would have left. */
size_t plan_guilty(
    const struct batch_plan *p, const struct pg_reply *reply, size_t *guilty)
{
	size_t n = 0;
	for (; n < reply->nfailures; n++) {
		const struct pg_failure *f = &reply->failures[n];
		const struct fold_change *c = p->steps[f->at].change;
		CHECK(c != NULL);
		if (f->err.kind != ERR_KIND_REJECT || c->nwrites > 1)
			break;
		guilty[n] = (size_t)(c->writes[0] - p->verdicts.writes);
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
	verdicts_free(&p->verdicts);
	free(p->steps);
	free(p->alone);
	free(p->rows);
	free(p);
	*pp = NULL;
}

const struct verdicts *plan_verdicts(const struct batch_plan *p)
{
	return &p->verdicts;
}

bool plan_document(const struct batch_plan *p, size_t i, struct buf *out)
{
	CHECK(i < p->verdicts.fold.n);
	const struct row *row = &p->rows[i];
	if (row->r)
		row_doc_add(out, p->verdicts.fold.changes[i].collection, row->r,
		    row->at, SQL_UPSERT_ROW);
	return row->r != NULL;
}
