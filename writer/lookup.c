/* One statement per collection reads the rows, each together with the
 * partition's watermark, in one snapshot: they are the rows as the batch finds
 * them if the watermark is where the batch begins, and they stay so until the
 * fence moves it, because nobody else writes them.
 */
#include "writer/lookup.h"

#include "common/check.h"
#include "common/mem.h"
#include "common/rowdoc.h"
#include "common/sql.h"

#include <stdlib.h>
#include <string.h>

/* The rows of one collection. */
struct question {
	struct call call;
	size_t first; /* of `asked`: the change of its first key */
	size_t n;
};

struct lookup {
	int32_t partition;
	struct fold fold;      /* of all the writes: to group them by key */
	struct fold_row *rows; /* one per change */
	struct arena documents;
	size_t *asked; /* indexes of the changes that read */
	size_t nasked;
	struct question *questions;
	size_t nquestions;
	struct call keys; /* sql NULL: no write has one */
	struct idempotency_record *records;
	size_t nrecords;
};

static bool is_needed(const struct write *w)
{
	return w->said.idempotency_key ||
	       (w->refused == REASON_NONE && !write_is_plain(w));
}

static void add_question(
    struct lookup *l, const struct statements *s, size_t first, size_t n)
{
	struct question *q = &l->questions[l->nquestions];
	*q = (struct question){.first = l->nasked};
	for (size_t i = first; i < first + n; i++) {
		if (l->fold.changes[i].reads)
			l->asked[l->nasked++] = i;
	}
	q->n = l->nasked - q->first;
	if (q->n == 0)
		return;
	l->nquestions++;
	q->call.sql =
	    statements_for(s, l->fold.changes[first].collection)->read;
	struct buf *keys = call_param(&q->call);
	struct buf *partitions = call_param(&q->call);
	pg_array_begin(keys, PG_TEXT, q->n);
	pg_array_begin(partitions, PG_INT4, q->n);
	for (size_t i = 0; i < q->n; i++) {
		const struct write *w =
		    l->fold.changes[l->asked[q->first + i]].writes[0];
		pg_array_text(keys, w->key, w->key_len);
		pg_array_int4(partitions, l->partition);
	}
}

static void add_keys(struct lookup *l, const struct write *writes, size_t n)
{
	size_t count = 0;
	for (size_t i = 0; i < n; i++)
		count += writes[i].said.idempotency_key != NULL;
	if (count == 0)
		return;
	l->keys.sql = statements_known;
	struct buf *keys = call_param(&l->keys);
	pg_array_begin(keys, PG_TEXT, count);
	for (size_t i = 0; i < n; i++) {
		const struct record_write *r = &writes[i].said;
		if (r->idempotency_key)
			pg_array_text(
			    keys, r->idempotency_key, r->idempotency_len);
	}
}

struct lookup *lookup_new(const struct statements *s, int32_t partition,
    const struct write *writes, size_t n)
{
	size_t needed = 0;
	while (needed < n && !is_needed(&writes[needed]))
		needed++;
	if (needed == n)
		return NULL;
	struct lookup *l = MEM_NEW(struct lookup);
	l->partition = partition;
	fold_init(&l->fold, writes, n, NULL);
	l->rows = mem_zalloc((l->fold.n + 1) * sizeof *l->rows);
	l->asked = mem_zalloc((l->fold.n + 1) * sizeof *l->asked);
	l->questions = mem_zalloc((s->n + 1) * sizeof *l->questions);
	for (size_t i = 0, run; i < l->fold.n; i += run) {
		const struct fold_change *c = &l->fold.changes[i];
		run = 1;
		while (
		    i + run < l->fold.n && c[run].collection == c->collection)
			run++;
		add_question(l, s, i, run);
	}
	add_keys(l, writes, n);
	return l;
}

size_t lookup_queries(const struct lookup *l)
{
	return l->nquestions + (l->keys.sql != NULL);
}

void lookup_query(struct lookup *l, struct pg_query *out)
{
	for (size_t i = 0; i < l->nquestions; i++)
		*out++ = call_query(&l->questions[i].call);
	if (l->keys.sql)
		*out = call_query(&l->keys);
}

/* --- results ------------------------------------------------------------- */

static struct jsonraw text(const PGresult *r, int row, int column)
{
	return (struct jsonraw){
	    PQgetvalue(r, row, column), (size_t)PQgetlength(r, row, column)};
}

static bool read_rows(struct lookup *l, const struct question *q,
    const PGresult *r, version_t from)
{
	const struct collection *c =
	    l->fold.changes[l->asked[q->first]].collection;
	struct buf document = {0};
	size_t fit = 0;
	if ((size_t)PQntuples(r) != q->n)
		return false;
	for (int row = 0; row < PQntuples(r); row++) {
		int64_t at = pg_int8(r, row, 0); /* from 1 */
		CHECK(at >= 1 && (size_t)at <= q->n);
		struct fold_row *out =
		    &l->rows[l->asked[q->first + (size_t)at - 1]];
		if ((version_t)pg_int8(r, row, 1) != from)
			break;
		fit++;
		out->present = !PQgetisnull(r, row, 2);
		if (!out->present)
			continue;
		out->version = (version_t)pg_int8(r, row, 2);
		buf_clear(&document);
		rowdoc_add(&document, c, r, row, SQL_READ_ROW);
		out->document =
		    arena_keep(&l->documents, document.data, document.len);
	}
	buf_free(&document);
	return fit == q->n;
}

static void read_records(struct lookup *l, const PGresult *r)
{
	l->nrecords = (size_t)PQntuples(r);
	l->records = mem_zalloc((l->nrecords + 1) * sizeof *l->records);
	for (size_t i = 0; i < l->nrecords; i++) {
		struct idempotency_record *out = &l->records[i];
		int row = (int)i;
		struct jsonraw key = text(r, row, 0);
		struct jsonraw outcome = text(r, row, 4);
		out->key = key.s;
		out->key_len = key.len;
		out->fingerprint = (uint64_t)pg_int8(r, row, 1);
		out->first = (struct position){
		    pg_int4(r, row, 2), (version_t)pg_int8(r, row, 3)};
		out->outcome = outcome.s;
		out->outcome_len = outcome.len;
		out->row_key = text(r, row, 5);
	}
}

bool lookup_results(struct lookup *l, PGresult *const *results, version_t from)
{
	for (size_t i = 0; i < l->nquestions; i++) {
		if (!read_rows(l, &l->questions[i], *results++, from))
			return false;
	}
	if (l->keys.sql)
		read_records(l, *results);
	return true;
}

struct fold_row lookup_row(const struct lookup *l, const struct fold_change *c)
{
	const struct write *w = c->writes[0];
	const struct fold_change *at =
	    fold_find(&l->fold, c->collection, w->key, w->key_len);
	CHECK(at != NULL && at->reads);
	return l->rows[at - l->fold.changes];
}

const struct idempotency_record *lookup_records(
    const struct lookup *l, size_t *n)
{
	*n = l->nrecords;
	return l->records;
}

void lookup_free(struct lookup **lp)
{
	struct lookup *l = *lp;
	if (l == NULL)
		return;
	for (size_t i = 0; i < l->nquestions; i++)
		call_free(&l->questions[i].call);
	call_free(&l->keys);
	fold_free(&l->fold);
	arena_free(&l->documents);
	free(l->questions);
	free(l->records);
	free(l->asked);
	free(l->rows);
	free(l);
	*lp = NULL;
}
