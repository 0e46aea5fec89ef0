/* Where a page begins: behind the row that the page before ended with, as
 * ranges of the index.
 */
#include "api/list/list_sql_priv.h"

#include "common/base/check.h"
#include "common/sql/sql.h"
#include "common/sql/sql_key.h"

#include <stdio.h>
#include <string.h>

/* A column of the key, as the parameter has it. */
static void key_value(
    struct buf *out, const struct list_query *q, size_t i, int key)
{
	char text[16];
	snprintf(text, sizeof text, "$%d", key);
	if (q->collection->nparts)
		sql_key_value(out, q->collection, i, text);
	else
		buf_str(out, text); /* it has the key's type */
}

/* Appends the value that the previous page ended with. If the value was too
 * long for the cursor, its row is read: its value counts if it still has the
 * same length, and does not come before the bound in the cursor. Otherwise the
 * bound counts. */
static void value_of_place(struct list_sql *s, struct list_sql_level *l,
    const struct list_query *q, size_t long_len, int value, int key)
{
	struct buf *b = &l->value;
	if (long_len == 0) {
		buf_printf(b, "$%d", value);
		return;
	}
	buf_str(b, "coalesce((SELECT ");
	list_sql_column(b, l->column);
	buf_str(b, " FROM ");
	sql_name(b, q->collection);
	buf_str(b, " t WHERE ");
	for (size_t i = 0; i < q->collection->nkey_columns; i++) {
		list_sql_ordered(b, &q->collection->key_columns[i]);
		buf_str(b, " = ");
		key_value(b, q, i, key);
		buf_str(b, " AND ");
	}
	buf_str(b, "octet_length(");
	list_sql_column(b, l->column);
	buf_printf(b, "::text) = $%d AND ", list_sql_number(s, long_len));
	list_sql_ordered(b, l->column);
	buf_printf(
	    b, " %s $%d), $%d)", l->descending ? "<=" : ">=", value, value);
}

static void find_levels(
    struct list_sql *s, const struct list_query *q, struct list_sql_ranges *out)
{
	const struct list_place *at = &q->after;
	int values[LIST_ORDERS] = {0};
	size_t n = list_query_by_key(q) ? 0 : q->norders;
	for (size_t i = 0; i < n; i++) {
		const struct list_place_value *v = &at->values[i];
		if (!v->is_null)
			values[i] =
			    list_sql_text(s, q->orders[i].column->column,
				v->value, v->value_len);
	}
	int key =
	    list_sql_text(s, list_sql_key_of(q)->column, at->key, at->key_len);
	for (size_t i = 0; i < n; i++) {
		struct list_sql_level *l = &out->levels[i];
		l->column = q->orders[i].column;
		l->descending = q->orders[i].descending;
		l->is_null = at->values[i].is_null;
		if (!l->is_null)
			value_of_place(
			    s, l, q, at->values[i].long_len, values[i], key);
	}
	for (size_t i = 0; i < q->collection->nkey_columns; i++, n++) {
		out->levels[n].column = &q->collection->key_columns[i];
		out->levels[n].descending = list_query_descending(q);
		key_value(&out->levels[n].value, q, i, key);
	}
	out->nlevels = n;
}

/* Begins a range: its rows have the same values as the place in the first n
 * levels. */
static struct buf *add_range(struct list_sql_ranges *r, size_t n)
{
	struct buf *b = &r->range[r->n++];
	for (size_t i = 0; i < n; i++) {
		const struct list_sql_level *l = &r->levels[i];
		if (l->is_null) {
			list_sql_column(b, l->column);
			buf_str(b, " IS NULL AND ");
		} else {
			list_sql_ordered(b, l->column);
			buf_printf(b, " = %s AND ", l->value.data);
		}
	}
	return b;
}

/* The key that is the group itself; then the keys that begin with the group and
 * a colon, in whose place a semicolon is the next character. */
static void group_ranges(
    struct list_sql *s, const struct list_query *q, struct list_sql_ranges *out)
{
	static const char *const bounds[] = {":", ";"};
	static const char *const ways[] = {" >= $%d AND ", " < $%d"};
	const struct list_column *key = list_sql_key_of(q);
	struct buf *b = &out->range[out->n++];
	list_sql_ordered(b, key);
	buf_printf(
	    b, " = $%d", list_sql_text(s, key->column, q->group, q->group_len));
	b = &out->range[out->n++];
	for (int i = 0; i < 2; i++) {
		struct buf bound = {0};
		buf_add(&bound, q->group, q->group_len);
		buf_str(&bound, bounds[i]);
		list_sql_ordered(b, key);
		buf_printf(b, ways[i],
		    list_sql_text(s, key->column, bound.data, bound.len));
		buf_free(&bound);
	}
}

/* The rows behind the place in the levels from `first` to `last`, which have
 * one direction and values. */
static void run_range(struct list_sql_ranges *r, size_t first, size_t last)
{
	struct buf *b = add_range(r, first);
	bool row = last > first;
	buf_str(b, row ? "(" : "");
	for (size_t i = first; i <= last; i++) {
		buf_str(b, i > first ? ", " : "");
		list_sql_ordered(b, r->levels[i].column);
	}
	buf_printf(b, "%s %s %s", row ? ")" : "",
	    r->levels[first].descending ? "<" : ">", row ? "(" : "");
	for (size_t i = first; i <= last; i++)
		buf_printf(
		    b, "%s%s", i > first ? ", " : "", r->levels[i].value.data);
	buf_str(b, row ? ")" : "");
}

static void null_range(struct list_sql_ranges *r, size_t i, const char *is)
{
	struct buf *b = add_range(r, i);
	list_sql_column(b, r->levels[i].column);
	buf_str(b, is);
}

static bool may_be_null(const struct list_sql_level *l)
{
	return l->column->field && l->column->field->nullable;
}

/* The run that ends with this level; the index of its first one. */
static size_t run_begins(const struct list_sql_ranges *r, size_t last)
{
	size_t first = last;
	while (first && !r->levels[first - 1].is_null &&
	       r->levels[first - 1].descending == r->levels[last].descending)
		first--;
	return first;
}

/* From the last level to the first: what is nearest to the place comes first.
 */
void list_sql_find_ranges(
    struct list_sql *s, const struct list_query *q, struct list_sql_ranges *out)
{
	*out = (struct list_sql_ranges){.n = 0};
	if (q->group) {
		group_ranges(s, q, out);
		return;
	}
	if (q->cursor == NULL) {
		buf_str(&out->range[out->n++], "true");
		return;
	}
	find_levels(s, q, out);
	for (size_t end = out->nlevels; end > 0;) {
		size_t last = end - 1;
		const struct list_sql_level *l = &out->levels[last];
		if (l->is_null) {
			if (l->descending)
				null_range(out, last, " IS NOT NULL");
			end = last;
			continue;
		}
		size_t first = run_begins(out, last);
		run_range(out, first, last);
		for (size_t i = end; i-- > first && !l->descending;) {
			if (may_be_null(&out->levels[i]))
				null_range(out, i, " IS NULL");
		}
		end = first;
	}
}

void list_sql_ranges_free(struct list_sql_ranges *r)
{
	for (size_t i = 0; i < r->nlevels; i++)
		buf_free(&r->levels[i].value);
	for (int i = 0; i < r->n; i++)
		buf_free(&r->range[i]);
}
