#include "projector/warm/rows.h"

#include "common/base/check.h"
#include "common/base/mem.h"
#include "common/postgres/pg_binary.h"
#include "common/postgres/pg_params.h"
#include "common/sql/row_doc.h"
#include "common/sql/sql.h"

#include <stdlib.h>

struct rows {
	struct pg *pg;
	int64_t document_max;
};

struct reading {
	int64_t document_max;
	const struct collection *collection;
	size_t n;
	rows_done done;
	void *arg;
};

struct rows *rows_new(struct loop *l, const char *name, const char *url,
    const char *session, int64_t document_max)
{
	struct rows *r = MEM_NEW(struct rows);
	r->document_max = document_max;
	const struct pg_options o = {
	    .loop = l,
	    .name = name,
	    .url = url,
	    .session = session,
	    .setup = SQL_SESSION,
	    .connect_timeout = CLOCK_S(3),
	    .query_timeout = CLOCK_S(10),
	};
	r->pg = pg_new(&o);
	return r;
}

enum { AS_OF = 1, VERSION, BYTES };

static void rows_read_row(const struct reading *q, const PGresult *r, int at,
    struct row *out, struct buf *docs)
{
	*out =
	    (struct row){.as_of = (version_t)pg_int8(r, at, AS_OF), .doc = ""};
	if (PQgetisnull(r, at, VERSION))
		return;
	out->present = true;
	out->version = (version_t)pg_int8(r, at, VERSION);
	out->too_large = pg_int8(r, at, BYTES) > q->document_max;
	if (out->too_large)
		return;
	row_doc_add(docs, q->collection, r, at, SQL_WITHIN_ROW);
	out->len = docs->len;
	out->doc = buf_take(docs, NULL);
}

static void rows_on_reply(void *arg, const struct pg_reply *reply)
{
	struct reading q = *(struct reading *)arg;
	free(arg);
	if (reply->err.kind != ERR_KIND_OK) {
		q.done(q.arg, &reply->err, NULL, 0);
		return;
	}
	const PGresult *r = reply->results[0];
	struct row *rows = mem_zalloc((q.n + 1) * sizeof *rows);
	struct buf docs = {0};
	for (int at = 0; at < PQntuples(r); at++) {
		size_t i = (size_t)pg_int8(r, at, 0) - 1;
		if (i >= q.n || rows[i].present)
			continue; /* nobody asked, or it was answered */
		rows_read_row(&q, r, at, &rows[i], &docs);
	}
	q.done(q.arg, &reply->err, rows, q.n);
	for (size_t i = 0; i < q.n; i++) {
		if (rows[i].present && !rows[i].too_large)
			free((char *)(uintptr_t)rows[i].doc);
	}
	buf_free(&docs);
	free(rows);
}

bool rows_read(struct rows *r, const struct collection *c,
    const struct row_key *keys, size_t n, rows_done done, void *arg)
{
	struct buf sql = {0};
	struct reading *q = MEM_NEW(struct reading);
	*q = (struct reading){r->document_max, c, n, done, arg};
	sql_read_within(&sql, c);
	struct pg_params call = {
	    .sql = sql.data, .shape = row_doc_shape(SQL_WITHIN_SHAPE, c)};
	struct buf *texts = pg_params_param(&call),
		   *partitions = pg_params_param(&call);
	pg_array_begin(texts, PG_TEXT, n);
	pg_array_begin(partitions, PG_INT4, n);
	for (size_t i = 0; i < n; i++) {
		pg_array_text(texts, keys[i].key, keys[i].len);
		pg_array_int4(partitions, keys[i].partition);
	}
	pg_params_int8(&call, (uint64_t)r->document_max);
	const struct pg_query query = pg_params_query(&call);
	bool sent = pg_submit(r->pg, &query, 1, rows_on_reply, q);
	if (!sent)
		free(q);
	pg_params_free(&call);
	buf_free(&sql);
	return sent;
}

void rows_free(struct rows **r)
{
	if (*r == NULL)
		return;
	pg_free(&(*r)->pg);
	free(*r);
	*r = NULL;
}
