#include "api/list/list_sql_priv.h"

#include "common/base/check.h"
#include "common/base/mem.h"
#include "common/postgres/pg.h"
#include "common/postgres/pg_binary.h"
#include "common/sql/sql.h"
#include "common/sql/sql_key.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- parameters ---------------------------------------------------------- */

static Oid list_sql_type_of(enum column_type column)
{
	switch (column) {
	case COLUMN_BIGINT:
	case COLUMN_INTEGER:
	case COLUMN_SMALLINT:
		return PG_INT8; /* any integer may be asked for */
	case COLUMN_NUMERIC:
		return PG_NUMERIC;
	case COLUMN_BOOLEAN:
		return PG_BOOL;
	case COLUMN_TIMESTAMPTZ:
		return PG_TIMESTAMPTZ;
	case COLUMN_TIMESTAMP:
		return PG_TIMESTAMP;
	case COLUMN_DATE:
		return PG_DATE;
	case COLUMN_TIME:
		return PG_TIME;
	case COLUMN_UUID:
		return PG_UUID;
	case COLUMN_CHAR:
	case COLUMN_INET:
	case COLUMN_CIDR:
	case COLUMN_ENUM:
		return 0; /* what it is compared with */
	case COLUMN_TEXT:
	case COLUMN_JSONB:
	case COLUMN_BYTEA:
	case COLUMN_ARRAY:
		break;
	}
	return PG_TEXT;
}

static const char *list_sql_type_name(enum column_type column)
{
	return column_is_integer(column) ? "bigint" : column_type_name(column);
}

/* Adds a parameter; returns its number. `value`: in a statement without
 * parameters, its SQL. */
static int param(struct list_sql *s, Oid type, int format, struct buf *value)
{
	size_t len;
	CHECK(s->n < LIST_SQL_PARAMS);
	s->types[s->n] = type;
	s->formats[s->n] = format;
	s->values[s->n] = buf_take(value, &len);
	s->lengths[s->n] = (int)len;
	return ++s->n;
}

/* Appends the parameter, or what stands for it. */
static void put(struct buf *out, const struct list_sql *s, int n)
{
	if (s->literal)
		buf_str(out, s->values[n - 1]);
	else
		buf_printf(out, "$%d", n);
}

int list_sql_text(
    struct list_sql *s, enum column_type column, const char *v, size_t len)
{
	struct buf b = {0};
	if (s->literal) {
		sql_literal(&b, v, len);
		if (column != COLUMN_ENUM)
			buf_printf(&b, "::%s", list_sql_type_name(column));
	} else {
		buf_add(&b, v, len);
	}
	return param(s, list_sql_type_of(column), 0, &b);
}

int list_sql_number(struct list_sql *s, size_t n)
{
	struct buf b = {0};
	buf_printf(&b, "%zu", n);
	return param(s, PG_INT8, 0, &b);
}

static int param_list_literal(struct list_sql *s, const struct list_filter *f)
{
	struct buf b = {0};
	buf_str(&b, "ARRAY[");
	for (size_t i = 0; i < f->n; i++) {
		buf_str(&b, i ? "," : "");
		sql_literal(&b, f->values[i].s, f->values[i].len);
	}
	buf_char(&b, ']');
	return param(s, PG_TEXT_ARRAY, 0, &b);
}

static int param_list(struct list_sql *s, const struct list_filter *f)
{
	struct buf b = {0};
	if (s->literal)
		return param_list_literal(s, f);
	pg_array_begin(&b, PG_TEXT, f->n);
	for (size_t i = 0; i < f->n; i++)
		pg_array_text(&b, f->values[i].s, f->values[i].len);
	return param(s, PG_TEXT_ARRAY, 1, &b);
}

/* --- columns ------------------------------------------------------------- */

void list_sql_column(struct buf *out, const struct list_column *c)
{
	sql_list_column(out, "t.", c);
}

/* The column as it is compared, ordered and indexed: strings by their bytes. */
void list_sql_ordered(struct buf *out, const struct list_column *c)
{
	list_sql_column(out, c);
	if (column_is_text(c->column))
		buf_str(out, " COLLATE \"C\"");
}

const struct list_column *list_sql_key_of(const struct list_query *q)
{
	return &q->collection->columns[0];
}

static const char *way(bool descending)
{
	return descending ? " DESC" : "";
}

/* Appends ` ORDER BY …` for the columns of a row named t. */
static void list_sql_order(struct buf *out, const struct list_query *q)
{
	buf_str(out, " ORDER BY ");
	for (size_t i = 0; i < q->norders && !list_query_by_key(q); i++) {
		list_sql_ordered(out, q->orders[i].column);
		buf_printf(out, "%s, ", way(q->orders[i].descending));
	}
	sql_key_columns(
	    out, q->collection, "t.", way(list_query_descending(q)));
}

/* --- filters ------------------------------------------------------------- */

static const char *const operators[LIST_OPS] = {
    [LIST_EQ] = "=",
    [LIST_NEQ] = "<>",
    [LIST_GT] = ">",
    [LIST_GTE] = ">=",
    [LIST_LT] = "<",
    [LIST_LTE] = "<=",
    [LIST_IN] = "= ANY",
    [LIST_LIKE] = "LIKE",
    [LIST_ILIKE] = "ILIKE",
};

static void is_filter(struct buf *out, const struct list_filter *f)
{
	static const char *const names[] = {
	    "null", "not_null", "true", "false"};
	static const char *const sql[] = {"NULL", "NOT NULL", "TRUE", "FALSE"};
	size_t i = 0;
	while (strcmp(f->values[0].s, names[i]) != 0)
		i++;
	list_sql_column(out, f->column);
	buf_printf(out, " IS %s", sql[i]);
}

/* The index on a member of an object has the beginning of its text. So what is
 * asked of the whole text is asked of the beginning, too, as far as it follows
 * from it. */
static void of_beginning(const struct list_sql *s, struct buf *out,
    const struct list_filter *f, int value)
{
	static const char *const follows[LIST_OPS] = {
	    [LIST_EQ] = "=",
	    [LIST_GT] = ">=",
	    [LIST_GTE] = ">=",
	    [LIST_LT] = "<=",
	    [LIST_LTE] = "<=",
	};
	if (f->negated || (f->op != LIST_IN && follows[f->op] == NULL))
		return;
	buf_str(out, "left(");
	list_sql_column(out, f->column);
	buf_printf(out, ", %d) COLLATE \"C\" ", (int)COLLECTION_INDEXED);
	if (f->op == LIST_IN)
		buf_printf(out, "= ANY (ARRAY(SELECT left(v, %d) FROM unnest(",
		    (int)COLLECTION_INDEXED);
	else
		buf_printf(out, "%s left(", follows[f->op]);
	put(out, s, value);
	if (f->op == LIST_IN)
		buf_str(out, "::text[]) v)) AND ");
	else
		buf_printf(out, ", %d) AND ", (int)COLLECTION_INDEXED);
}

static void leaf(
    struct list_sql *s, struct buf *out, const struct list_filter *f)
{
	if (f->op == LIST_IS) {
		is_filter(out, f);
		return;
	}
	int value = f->op == LIST_IN ? param_list(s, f)
				     : list_sql_text(s, f->column->column,
					   f->values[0].s, f->values[0].len);
	if (f->column->path)
		of_beginning(s, out, f, value);
	/* Only the database's own collation knows which letters are capitals.
	 */
	if (f->op == LIST_ILIKE)
		list_sql_column(out, f->column);
	else
		list_sql_ordered(out, f->column);
	buf_printf(
	    out, " %s %s", operators[f->op], f->op == LIST_IN ? "(" : "");
	put(out, s, value);
	if (f->op == LIST_IN) {
		buf_str(out, "::text[]::");
		if (f->column->column == COLUMN_ENUM)
			sql_type(out, f->column->field);
		else
			buf_str(out, list_sql_type_name(f->column->column));
		buf_str(out, "[])");
	}
}

/* A group is as deep as LIST_FILTER_DEPTH at most. */
static void filter(
    struct list_sql *s, struct buf *out, const struct list_filter *f)
{
	bool bare = f->column && f->column->path == NULL;
	buf_str(out, f->negated ? "NOT (" : bare ? "" : "(");
	if (f->column)
		leaf(s, out, f);
	for (size_t i = 0; i < f->nterms; i++) {
		buf_str(out, i == 0 ? "" : f->any ? " OR " : " AND ");
		filter(s, out, &f->terms[i]);
	}
	buf_str(out, f->negated || !bare ? ")" : "");
}

/* Only rows whose time has not come. The clock is this instance's, and not
 * that of the database, as for documents in the caches. */
static void unexpired(
    struct list_sql *s, struct buf *out, const struct field *f)
{
	struct buf now = {0};
	format_add_date_time(&now, s->now);
	int at = list_sql_text(s, f->column, now.data, now.len);
	buf_str(out, "(t.");
	sql_ident(out, f->stored);
	buf_str(out, " IS NULL OR t.");
	sql_ident(out, f->stored);
	buf_str(out, " > ");
	put(out, s, at);
	buf_str(out, ") AND ");
	buf_free(&now);
}

/* Appends all filters, each with AND after it. */
static void filters(
    struct list_sql *s, struct buf *out, const struct list_query *q)
{
	if (q->collection->expires)
		unexpired(s, out, q->collection->expires);
	for (size_t i = 0; i < q->nfilters; i++) {
		filter(s, out, &q->filters[i]);
		buf_str(out, " AND ");
	}
}

/* --- the whole ----------------------------------------------------------- */

static void select_range(struct buf *out, const struct list_query *q,
    const struct buf *where, const struct buf *range, int limit)
{
	buf_str(out, "SELECT t.* FROM ");
	sql_name(out, q->collection);
	buf_str(out, " t WHERE ");
	if (where->len)
		buf_add(out, where->data, where->len);
	buf_add(out, range->data, range->len);
	list_sql_order(out, q);
	buf_printf(out, " LIMIT $%d", limit);
}

static void select_rows(
    struct list_sql *s, struct buf *out, const struct list_query *q, int limit)
{
	struct buf where = {0};
	struct list_sql_ranges r;
	filters(s, &where, q);
	list_sql_find_ranges(s, q, &r);
	if (r.n == 1) {
		select_range(out, q, &where, &r.range[0], limit);
	} else {
		buf_str(out, "SELECT t.* FROM (");
		for (int i = 0; i < r.n; i++) {
			buf_str(out, i ? " UNION ALL (" : "(");
			select_range(out, q, &where, &r.range[i], limit);
			buf_char(out, ')');
		}
		buf_str(out, ") t");
		list_sql_order(out, q);
		buf_printf(out, " LIMIT $%d", limit);
	}
	buf_free(&where);
	list_sql_ranges_free(&r);
}

/* The approximate size of a row in bytes, never 0. Postgres knows the length of
 * a string without reading it. */
static void row_bytes(struct buf *out, const struct list_query *q)
{
	const struct collection *c = q->collection;
	buf_printf(out, "(%zu", 100 + c->nfields * 16);
	for (size_t i = 0; i < c->nfields; i++) {
		const struct field *f = &c->fields[i];
		if (!column_can_be_large(f->column) ||
		    !selection_has(&q->only, 1 + i))
			continue;
		buf_str(out, " + coalesce(octet_length(t.");
		sql_ident(out, f->stored);
		/* In a document, bytes are base64. */
		buf_str(out,
		    f->column == COLUMN_BYTEA ? ") * 2, 0)" : "::text), 0)");
	}
	buf_char(out, ')');
}

const char *list_sql_shape(const struct list_query *q)
{
	/* The values, then the row and what is behind it. */
	static const char all[] = "ssssRv8", ends[] = "ssssRv88?";
	_Static_assert(sizeof all - 1 == LIST_ORDERS + 3, "one s for each");
	_Static_assert(sizeof ends - 1 == LIST_ORDERS + 5, "one s for each");
	return (q->collection->expires ? ends : all) + LIST_ORDERS - q->norders;
}

const char *list_sql_count_shape(const struct list_query *q)
{
	return q->collection->expires ? "v8?!" : "v!";
}

/* Appends the first time of the rows; `over`: the window, or "". An infinite
 * time, which an operator may have written, never comes. */
static void list_sql_ends(
    struct buf *out, const struct collection *c, const char *over)
{
	if (c->expires == NULL)
		return;
	buf_str(out, ", (extract(epoch FROM min(t.");
	sql_ident(out, c->expires->stored);
	buf_str(out, ") FILTER (WHERE isfinite(t.");
	sql_ident(out, c->expires->stored);
	buf_printf(out, "))%s) * 1000000)::int8 AS \"_ends\"", over);
}

void list_sql_make(struct list_sql *out, const struct list_query *q,
    size_t max_bytes, wall_us_t now)
{
	*out = (struct list_sql){.now = now};
	struct buf *sql = &out->sql, bytes = {0};
	int limit = list_sql_number(out, (size_t)q->limit + 1);
	int most = list_sql_number(out, max_bytes);
	row_bytes(&bytes, q);
	buf_str(sql, "SELECT * FROM (SELECT ");
	for (size_t i = 0; i < q->norders; i++) {
		if (q->group)
			buf_str(sql, "t.version");
		else if (list_query_by_key(q))
			buf_str(sql, "NULL");
		else
			list_sql_column(sql, q->orders[i].column);
		buf_printf(sql, "::text AS \"_after%zu\", ", i);
	}
	sql_row_of(sql, q->collection, &q->only);
	buf_str(sql, ", count(*) OVER () AS \"_found\", sum");
	buf_printf(sql, "%s OVER (", bytes.data);
	list_sql_order(sql, q);
	buf_printf(
	    sql, " ROWS UNBOUNDED PRECEDING) - %s AS \"_begin\"", bytes.data);
	list_sql_ends(sql, q->collection, " OVER ()");
	buf_str(sql, " FROM (");
	select_rows(out, sql, q, limit);
	buf_printf(
	    sql, ") t) q WHERE q.\"_begin\" < $%d ORDER BY q.\"_begin\"", most);
	buf_free(&bytes);
}

void list_sql_make_count(
    struct list_sql *out, const struct list_query *q, wall_us_t now)
{
	*out = (struct list_sql){.now = now};
	buf_str(&out->sql, "SELECT count(*)");
	list_sql_ends(&out->sql, q->collection, "");
	buf_str(&out->sql, " FROM ");
	sql_name(&out->sql, q->collection);
	buf_str(&out->sql, " t WHERE ");
	filters(out, &out->sql, q);
	buf_str(&out->sql, "true");
}

void list_sql_export(struct buf *out, const struct list_query *q, wall_us_t now)
{
	struct list_sql s = {.literal = true, .now = now};
	struct buf which = {0};
	buf_str(&which, " WHERE ");
	filters(&s, &which, q);
	buf_str(&which, "true");
	if (!q->exports)
		list_sql_order(&which, q);
	sql_export(out, q->collection, &q->only, which.data);
	buf_free(&which);
	list_sql_free(&s);
}

void list_sql_free(struct list_sql *s)
{
	for (int i = 0; i < s->n; i++)
		free(s->values[i]);
	buf_free(&s->sql);
}
