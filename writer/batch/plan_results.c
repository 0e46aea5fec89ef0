/* From the results of a batch's statements to the outcomes of its writes. */
#include "writer/batch/plan_priv.h"

#include "common/base/check.h"
#include "common/postgres/pg_binary.h"
#include "common/sql/row_doc.h"
#include "common/sql/sql.h"

#include <string.h>

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
