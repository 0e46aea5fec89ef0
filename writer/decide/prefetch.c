/* One statement per collection reads the rows together with the partition's
 * watermark, in one snapshot. If the watermark is where the batch begins, these
 * are the rows before the batch. They do not change until the fence moves the
 * watermark, because nobody else writes them.
 *
 * A batch of small writes may have large rows, so the result is bounded. Each
 * row may have an equal share of what the batch may read. For a larger row,
 * only its size is returned. If all rows together are small enough, the larger
 * ones are read by a second question; otherwise the batch is cut. If all rows
 * are small, one question is enough.
 */
#include "writer/decide/prefetch.h"

#include "common/base/check.h"
#include "common/base/mem.h"
#include "common/sql/bookkeeping.h"
#include "common/sql/row_doc.h"
#include "common/sql/sql.h"

#include <stdlib.h>
#include <string.h>

/* The rows of one collection. */
struct question {
	struct pg_params call;
	size_t first; /* of `asked`: the change of its first key */
	size_t n;
};

/* Of a change. */
struct answer {
	bool known; /* the row is */
	size_t bytes;
	struct fold_row row;
};

struct prefetch {
	const struct statements *statements;
	int32_t partition;
	const struct write *writes;
	size_t n;
	struct fold fold; /* of all the writes: to group them by key */
	struct answer *answers;
	struct arena documents;
	size_t most, bytes; /* of the rows: allowed, found */
	size_t document_max;
	size_t share; /* what a row may have, to come */
	size_t fits;
	size_t *asked; /* indexes of the changes whose rows are asked for */
	size_t nasked;
	struct question *questions;
	size_t nquestions;
	struct pg_params keys; /* sql NULL: no write has one */
	struct idempotency_record *records;
	size_t nrecords;
};

static bool prefetch_is_needed(const struct write *w)
{
	bool reads = false;
	for (size_t i = 0; w->refused == REASON_NONE && i < write_rows(w); i++)
		reads = reads || !write_is_plain(write_operation(w, i));
	return w->said.idempotency_key || reads;
}

static void add_question(struct prefetch *l, size_t first, size_t n)
{
	struct question *q = &l->questions[l->nquestions];
	*q = (struct question){.first = l->nasked};
	for (size_t i = first; i < first + n; i++) {
		if (l->fold.changes[i].reads && !l->answers[i].known)
			l->asked[l->nasked++] = i;
	}
	q->n = l->nasked - q->first;
	if (q->n == 0)
		return;
	l->nquestions++;
	const struct collection *c = l->fold.changes[first].collection;
	q->call.sql = statements_for(l->statements, c)->read;
	q->call.shape = row_doc_shape(SQL_WITHIN_SHAPE, c);
	struct buf *keys = pg_params_param(&q->call);
	struct buf *partitions = pg_params_param(&q->call);
	pg_array_begin(keys, PG_TEXT, q->n);
	pg_array_begin(partitions, PG_INT4, q->n);
	for (size_t i = 0; i < q->n; i++) {
		const struct write *w =
		    l->fold.changes[l->asked[q->first + i]].writes[0];
		pg_array_text(keys, w->key, w->key_len);
		pg_array_int4(partitions, l->partition);
	}
}

static void drop_questions(struct prefetch *l)
{
	for (size_t i = 0; i < l->nquestions; i++)
		pg_params_free(&l->questions[i].call);
	l->nquestions = 0;
	l->nasked = 0;
}

/* Asks for the rows that are not known. In the first round each row may have
 * its share; for the second round it is known that all together are small
 * enough. */
static void add_questions(struct prefetch *l, bool first)
{
	drop_questions(l);
	for (size_t i = 0, run; i < l->fold.n; i += run) {
		const struct fold_change *c = &l->fold.changes[i];
		run = 1;
		while (
		    i + run < l->fold.n && c[run].collection == c->collection)
			run++;
		add_question(l, i, run);
	}
	l->share = first && l->nasked ? l->most / l->nasked : INT64_MAX;
	for (size_t i = 0; i < l->nquestions; i++)
		pg_params_int8(&l->questions[i].call, l->share);
}

static void add_keys(struct prefetch *l, const struct write *writes, size_t n)
{
	size_t count = 0;
	for (size_t i = 0; i < n; i++)
		count += writes[i].said.idempotency_key != NULL;
	if (count == 0)
		return;
	l->keys = pg_statement_params(&bookkeeping_known);
	struct buf *keys = pg_params_param(&l->keys);
	pg_array_begin(keys, PG_TEXT, count);
	for (size_t i = 0; i < n; i++) {
		const struct record_write *r = &writes[i].said;
		if (r->idempotency_key)
			pg_array_text(
			    keys, r->idempotency_key, r->idempotency_len);
	}
}

struct prefetch *prefetch_new(const struct statements *s, int32_t partition,
    const struct write *writes, size_t n, size_t most, size_t document_max)
{
	size_t needed = 0;
	while (needed < n && !prefetch_is_needed(&writes[needed]))
		needed++;
	if (needed == n)
		return NULL;
	struct prefetch *l = MEM_NEW(struct prefetch);
	l->statements = s;
	l->partition = partition;
	l->writes = writes;
	l->n = n;
	l->most = most;
	l->document_max = document_max;
	fold_init(&l->fold, writes, n, NULL);
	l->answers = mem_zalloc((l->fold.n + 1) * sizeof *l->answers);
	l->asked = mem_zalloc((l->fold.n + 1) * sizeof *l->asked);
	l->questions = mem_zalloc((s->n + 1) * sizeof *l->questions);
	add_questions(l, true);
	add_keys(l, writes, n);
	return l;
}

size_t prefetch_queries(const struct prefetch *l)
{
	return l->nquestions + (l->keys.sql != NULL);
}

void prefetch_query(struct prefetch *l, struct pg_query *out)
{
	for (size_t i = 0; i < l->nquestions; i++)
		*out++ = pg_params_query(&l->questions[i].call);
	if (l->keys.sql)
		*out = pg_params_query(&l->keys);
}

/* --- results ------------------------------------------------------------- */

static struct jsonslice prefetch_text(const PGresult *r, int row, int column)
{
	return (struct jsonslice){
	    PQgetvalue(r, row, column), (size_t)PQgetlength(r, row, column)};
}

enum { AT, AS_OF, VERSION, BYTES };

static void prefetch_read_row(struct prefetch *l, struct answer *out,
    const struct collection *c, const PGresult *r, int row,
    struct buf *document)
{
	out->row.present = !PQgetisnull(r, row, VERSION);
	out->row.most = l->document_max;
	out->known = true;
	if (!out->row.present)
		return;
	out->row.version = (version_t)pg_int8(r, row, VERSION);
	size_t before = out->bytes, bytes = (size_t)pg_int8(r, row, BYTES);
	out->row.too_large = bytes > l->document_max;
	if (out->row.too_large)
		return;
	out->bytes = bytes;
	l->bytes += out->bytes - before;
	out->known = out->bytes <= l->share;
	if (!out->known)
		return;
	buf_clear(document);
	row_doc_add(document, c, r, row, SQL_WITHIN_ROW);
	out->row.document =
	    arena_keep(&l->documents, document->data, document->len);
}

static bool prefetch_read_rows(struct prefetch *l, const struct question *q,
    const PGresult *r, version_t from)
{
	const struct collection *c =
	    l->fold.changes[l->asked[q->first]].collection;
	struct buf document = {0};
	size_t fit = 0;
	if ((size_t)PQntuples(r) != q->n)
		return false;
	for (int row = 0; row < PQntuples(r); row++) {
		int64_t at = pg_int8(r, row, AT); /* from 1 */
		if (at < 1 || (size_t)at > q->n)
			break;
		if ((version_t)pg_int8(r, row, AS_OF) != from)
			break;
		fit++;
		size_t i = l->asked[q->first + (size_t)at - 1];
		prefetch_read_row(l, &l->answers[i], c, r, row, &document);
	}
	buf_free(&document);
	return fit == q->n;
}

/* A row counts for the first of its writes. */
static size_t count_fitting(const struct prefetch *l)
{
	if (l->n == 1)
		return 1;
	size_t *reads = mem_zalloc(l->n * sizeof *reads);
	size_t fits = 0, bytes = 0;
	for (size_t i = 0; i < l->fold.n; i++)
		reads[l->fold.changes[i].writes[0] - l->writes] =
		    l->answers[i].bytes;
	for (; fits < l->n; fits++) {
		if (bytes > 0 && bytes + reads[fits] > l->most)
			break;
		bytes += reads[fits];
	}
	free(reads);
	return fits;
}

static void read_records(struct prefetch *l, const PGresult *r)
{
	l->nrecords = (size_t)PQntuples(r);
	l->records = mem_zalloc((l->nrecords + 1) * sizeof *l->records);
	for (size_t i = 0; i < l->nrecords; i++) {
		struct idempotency_record *out = &l->records[i];
		int row = (int)i;
		struct jsonslice key = prefetch_text(r, row, 0);
		struct jsonslice outcome = prefetch_text(r, row, 4);
		out->key = key.s;
		out->key_len = key.len;
		out->fingerprint = (uint64_t)pg_int8(r, row, 1);
		out->first = (struct position){
		    pg_int4(r, row, 2), (version_t)pg_int8(r, row, 3)};
		out->outcome = outcome.s;
		out->outcome_len = outcome.len;
		out->row_key = prefetch_text(r, row, 5);
	}
}

static bool is_more(const struct prefetch *l)
{
	for (size_t i = 0; i < l->nasked; i++) {
		if (!l->answers[l->asked[i]].known)
			return true;
	}
	return false;
}

enum prefetch_answer prefetch_results(
    struct prefetch *l, PGresult *const *results, version_t from)
{
	for (size_t i = 0; i < l->nquestions; i++) {
		if (!prefetch_read_rows(l, &l->questions[i], *results++, from))
			return PREFETCH_MOVED;
	}
	l->fits = l->bytes > l->most ? count_fitting(l) : l->n;
	if (l->fits < l->n)
		return PREFETCH_TOO_MUCH;
	if (is_more(l)) {
		add_questions(l, false);
		return PREFETCH_MORE;
	}
	if (l->keys.sql)
		read_records(l, *results);
	return PREFETCH_DONE;
}

size_t prefetch_fits(const struct prefetch *l)
{
	return l->fits;
}

struct fold_row prefetch_row(
    const struct prefetch *l, const struct fold_change *c)
{
	const struct write *w = c->writes[0];
	const struct fold_change *at =
	    fold_find(&l->fold, c->collection, w->key, w->key_len);
	CHECK(at != NULL && at->reads);
	const struct answer *answer = &l->answers[at - l->fold.changes];
	CHECK(answer->known);
	return answer->row;
}

const struct idempotency_record *prefetch_records(
    const struct prefetch *l, size_t *n)
{
	*n = l->nrecords;
	return l->records;
}

void prefetch_free(struct prefetch **lp)
{
	struct prefetch *l = *lp;
	if (l == NULL)
		return;
	drop_questions(l);
	pg_params_free(&l->keys);
	fold_free(&l->fold);
	arena_free(&l->documents);
	free(l->questions);
	free(l->records);
	free(l->asked);
	free(l->answers);
	free(l);
	*lp = NULL;
}
