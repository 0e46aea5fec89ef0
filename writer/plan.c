/* From a folded batch to statements, and back from their results to outcomes.
 *
 * All statements of a batch go over the wire together, so the rejections must
 * be recorded before their outcomes are known here. Those of refused writes,
 * and of every write but the first of its key, are known (fold.h); a first
 * write that is a delete is judged inside the statement that deletes.
 */
#include "writer/plan.h"

#include "writer/rowset.h"

#include "common/check.h"
#include "common/mem.h"

#include <stdlib.h>
#include <string.h>

enum kind { KIND_FENCE, KIND_ERASE, KIND_UPSERT, KIND_REJECT };

struct step {
	enum kind kind;
	const struct collection *collection;
	struct call call;
};

struct apply_plan {
	const struct statements *statements;
	struct plan_batch batch;
	struct fold fold;
	struct plan_row *rows; /* one per change */
	struct step *steps;
	size_t nsteps;
	struct record_rejection *rejected;
	size_t nrejected;
};

static struct call *add_step(struct apply_plan *p, enum kind kind,
    const struct collection *c, const char *sql)
{
	struct step *s = &p->steps[p->nsteps++];
	*s = (struct step){.kind = kind, .collection = c, .call.sql = sql};
	return &s->call;
}

static void add_fence(struct apply_plan *p)
{
	struct call *c = add_step(p, KIND_FENCE, NULL, statements_fence);
	call_int4(c, p->batch.partition);
	call_int8(c, p->batch.from);
	call_int8(c, p->batch.to);
}

/* A run: the changes of one collection. */
struct run {
	const struct fold_change *changes;
	size_t n;
	size_t erases; /* changes that delete a row */
	size_t firsts; /* whose first write is a delete */
	size_t puts;
};

static struct run next_run(const struct fold *f, size_t at)
{
	struct run r = {.changes = &f->changes[at]};
	const struct collection *c = r.changes->collection;
	for (; at + r.n < f->n && r.changes[r.n].collection == c; r.n++) {
		r.erases += r.changes[r.n].erase;
		r.firsts += fold_needs_row(&r.changes[r.n]);
		r.puts += r.changes[r.n].put != NULL;
	}
	return r;
}

static void add_erased(struct call *c, const struct run *r)
{
	struct buf *keys = call_param(c), *versions = call_param(c);
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

static void add_firsts(struct call *c, const struct run *r)
{
	struct buf *keys = call_param(c), *versions = call_param(c);
	struct buf *times = call_param(c);
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

static void add_run(struct apply_plan *p, const struct run *r)
{
	const struct collection *collection = r->changes->collection;
	const struct statements_of *sql =
	    statements_for(p->statements, collection);
	if (r->erases) {
		struct call *c =
		    add_step(p, KIND_ERASE, collection, sql->erase);
		add_erased(c, r);
		add_firsts(c, r);
		call_int4(c, p->batch.partition);
		call_text(c, collection->name);
	}
	if (r->puts == 0)
		return;
	struct call *c = add_step(p, KIND_UPSERT, collection, sql->upsert);
	struct buf *rows = call_param(c);
	rowset_begin(rows);
	for (size_t i = 0; i < r->n; i++) {
		if (r->changes[i].put)
			rowset_add(rows, &r->changes[i]);
	}
	rowset_end(rows);
}

/* --- rejections ---------------------------------------------------------- */

static void add_rejection(
    struct apply_plan *p, const struct write *w, enum reason reason)
{
	p->rejected[p->nrejected++] =
	    (struct record_rejection){w->version, reason};
}

static int by_version(const void *a, const void *b)
{
	const struct record_rejection *x = a, *y = b;
	return x->version < y->version ? -1 : x->version > y->version;
}

/* The writes of a change that found no row to delete. */
static void reject_missing(
    struct apply_plan *p, const struct fold_change *c, bool existed)
{
	enum outcome *out = mem_alloc(c->nwrites * sizeof *out);
	fold_outcomes(c, existed, out);
	for (size_t i = 0; i < c->nwrites; i++) {
		if (out[i] == OUTCOME_NOT_FOUND)
			add_rejection(p, c->writes[i], REASON_NOT_FOUND);
	}
	free(out);
}

/* Those of changes whose row is taken to be there unless `rows` say more. */
static void collect_rejections(struct apply_plan *p, bool known)
{
	p->nrejected = 0;
	for (size_t i = 0; i < p->batch.n; i++) {
		const struct write *w = &p->batch.writes[i];
		if (w->refused != REASON_NONE)
			add_rejection(p, w, w->refused);
	}
	for (size_t i = 0; i < p->fold.n; i++)
		reject_missing(
		    p, &p->fold.changes[i], !known || p->rows[i].existed);
	qsort(p->rejected, p->nrejected, sizeof *p->rejected, by_version);
}

static const struct write *write_of(const struct apply_plan *p, version_t v)
{
	size_t i = 0;
	while (p->batch.writes[i].version != v)
		i++;
	return &p->batch.writes[i];
}

/* A key that is no text cannot be stored as text. */
static void put_text(struct buf *array, const char *s, size_t len)
{
	if (s && len && write_is_text(s, len))
		pg_array_text(array, s, len);
	else
		pg_array_text(array, "", 0);
}

static void add_rejected_row(
    struct call *c, const struct write *w, const struct record_rejection *r)
{
	const char *op = w->has_op ? record_op_name(w->op) : "unknown";
	const char *collection = w->collection ? w->collection->name : "";
	const char *reason = reason_row(r->reason)->name;
	const char *detail = w->detail ? w->detail : "";
	const char *key = w->collection ? w->key : w->id;
	size_t key_len = w->collection ? w->key_len : w->id_len;
	pg_array_int8(&c->params[1], (int64_t)w->version);
	pg_array_text(&c->params[2], collection, strlen(collection));
	put_text(&c->params[3], key, key_len);
	pg_array_text(&c->params[4], op, strlen(op));
	pg_array_text(&c->params[5], reason, strlen(reason));
	put_text(&c->params[6], detail, strlen(detail));
	pg_array_text(&c->params[7], w->body, w->body_len);
	pg_array_int8(&c->params[8], w->accepted_at);
}

static void add_rejections(struct apply_plan *p)
{
	static const Oid types[] = {PG_INT8, PG_TEXT, PG_TEXT, PG_TEXT, PG_TEXT,
	    PG_TEXT, 17 /* bytea */, PG_INT8};
	collect_rejections(p, false);
	if (p->nrejected == 0)
		return;
	struct call *c = add_step(p, KIND_REJECT, NULL, statements_reject);
	call_int4(c, p->batch.partition);
	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		pg_array_begin(call_param(c), types[i], p->nrejected);
	for (size_t i = 0; i < p->nrejected; i++)
		add_rejected_row(
		    c, write_of(p, p->rejected[i].version), &p->rejected[i]);
}

/* --- interface ----------------------------------------------------------- */

struct apply_plan *plan_new(
    const struct statements *s, const struct plan_batch *b)
{
	struct apply_plan *p = MEM_NEW(struct apply_plan);
	p->statements = s;
	p->batch = *b;
	fold_init(&p->fold, b->writes, b->n);
	p->rows = mem_zalloc((p->fold.n + 1) * sizeof *p->rows);
	p->rejected = mem_alloc(b->n * sizeof *p->rejected);
	p->steps = mem_alloc((2 + 2 * s->n) * sizeof *p->steps);
	add_fence(p);
	for (size_t at = 0; at < p->fold.n;) {
		struct run r = next_run(&p->fold, at);
		add_run(p, &r);
		at += r.n;
	}
	add_rejections(p);
	return p;
}

size_t plan_queries(const struct apply_plan *p)
{
	return p->nsteps;
}

void plan_query(struct apply_plan *p, struct pg_query *out)
{
	for (size_t i = 0; i < p->nsteps; i++)
		out[i] = call_query(&p->steps[i].call);
}

static void read_row(
    struct apply_plan *p, const struct step *s, const PGresult *r, int row)
{
	struct fold_change *change = fold_find(&p->fold, s->collection,
	    PQgetvalue(r, row, 0), (size_t)PQgetlength(r, row, 0));
	CHECK(change != NULL);
	struct plan_row *out = &p->rows[change - p->fold.changes];
	if (s->kind == KIND_ERASE) {
		out->existed = true;
		return;
	}
	out->inserted = PQgetvalue(r, row, 2)[0] != 0;
	if (!change->erase)
		out->existed = !out->inserted;
	out->doc = PQgetvalue(r, row, 3);
	out->doc_len = (size_t)PQgetlength(r, row, 3);
}

void plan_results(struct apply_plan *p, PGresult *const *results)
{
	/* A put whose row does not come back met a newer one. */
	for (size_t i = 0; i < p->fold.n; i++)
		p->rows[i].existed = !p->fold.changes[i].erase;
	for (size_t i = 0; i < p->nsteps; i++) {
		const struct step *s = &p->steps[i];
		if (s->kind != KIND_ERASE && s->kind != KIND_UPSERT)
			continue;
		for (int row = 0; row < PQntuples(results[i]); row++)
			read_row(p, s, results[i], row);
	}
	collect_rejections(p, true);
}

void plan_free(struct apply_plan **pp)
{
	struct apply_plan *p = *pp;
	if (p == NULL)
		return;
	for (size_t i = 0; i < p->nsteps; i++)
		call_free(&p->steps[i].call);
	fold_free(&p->fold);
	free(p->steps);
	free(p->rows);
	free(p->rejected);
	free(p);
	*pp = NULL;
}

const struct fold *plan_fold(const struct apply_plan *p)
{
	return &p->fold;
}

const struct plan_row *plan_row(const struct apply_plan *p, size_t i)
{
	CHECK(i < p->fold.n);
	return &p->rows[i];
}

const struct record_rejection *plan_rejected(
    const struct apply_plan *p, size_t *n)
{
	*n = p->nrejected;
	return p->rejected;
}
