#include "api/list/list_query.h"

#include "api/list/list_cursor.h"
#include "api/list/list_value.h"
#include "common/base/check.h"
#include "common/base/mem.h"
#include "common/http/path.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const op_names[LIST_OPS] = {
#define LIST_OP(id, name) [id] = name,
#include "api/list/list_ops.def"
#undef LIST_OP
};

enum given {
	GIVEN_ORDER = 1,
	GIVEN_LIMIT = 2,
	GIVEN_CURSOR = 4,
	GIVEN_SELECT = 8
};

/* --- life ---------------------------------------------------------------- */

struct list_query *list_query_new(const struct collection *c)
{
	struct list_query *q = MEM_NEW(struct list_query);
	q->refs = 1;
	q->collection = c;
	q->order = c->order;
	q->descending = c->descending;
	q->limit = c->default_limit;
	return q;
}

struct list_query *list_query_ref(struct list_query *q)
{
	q->refs++;
	return q;
}

void list_query_unref(struct list_query **qp)
{
	struct list_query *q = *qp;
	*qp = NULL;
	if (q == NULL || --q->refs)
		return;
	for (size_t i = 0; i < q->nfilters; i++) {
		for (size_t j = 0; j < q->filters[i].n; j++)
			free(q->filters[i].values[j].s);
		free(q->filters[i].values);
	}
	free(q->cursor);
	free(q->after.value);
	free(q->after.key);
	free(q);
}

bool list_query_by_key(const struct list_query *q)
{
	return q->order == &q->collection->columns[0];
}

/* --- faults -------------------------------------------------------------- */

__attribute__((format(printf, 4, 5))) static bool list_query_refuse(
    struct list_fault *fault, const char *parameter, size_t len,
    const char *fmt, ...)
{
	va_list ap;
	/* The name may be any bytes: keeps a prefix of printable ASCII. */
	size_t kept = len < sizeof fault->parameter - 1
			  ? len
			  : sizeof fault->parameter - 1;
	for (size_t i = 0; i < kept; i++) {
		if ((unsigned char)parameter[i] < 0x20 ||
		    (unsigned char)parameter[i] > 0x7e)
			kept = i;
	}
	memcpy(fault->parameter, parameter, kept);
	fault->parameter[kept] = '\0';
	va_start(ap, fmt);
	vsnprintf(fault->detail, sizeof fault->detail, fmt, ap);
	va_end(ap);
	return false;
}

/* --- filters ------------------------------------------------------------- */

static bool list_query_is(const char *s, size_t len, const char *text)
{
	return strlen(text) == len && memcmp(s, text, len) == 0;
}

static const struct list_column *list_query_column_of(
    const struct collection *c, const char *name, size_t len)
{
	for (size_t i = 0; i < c->ncolumns; i++) {
		if (list_query_is(name, len, c->columns[i].name))
			return &c->columns[i];
	}
	return NULL;
}

static void list_query_keep(struct list_filter *f, struct buf *value)
{
	f->values = mem_realloc(f->values, (f->n + 1) * sizeof *f->values);
	struct list_value *v = &f->values[f->n++];
	v->s = buf_take(value, &v->len);
}

static const char *take_one(struct list_filter *f, const char *s, size_t len)
{
	struct buf b = {0};
	const char *why = list_value_fault(f->column, s, len);
	if (why)
		return why;
	buf_add(&b, s, len);
	list_query_keep(f, &b);
	return NULL;
}

static const char *list_query_take_list(
    struct list_filter *f, const char *s, size_t len)
{
	static const char form[] = "in takes a list: in.(1,2) or in.(\"a\",b)";
	if (len < 2 || s[0] != '(' || s[len - 1] != ')')
		return form;
	const char *at = s + 1, *end = s + len - 1;
	bool more = at < end;
	while (more) {
		struct buf b = {0};
		const char *why =
		    list_value_next(&at, end, &b, &more) ? NULL : form;
		if (why == NULL)
			why = list_value_fault(f->column, b.data, b.len);
		if (why == NULL && f->n == LIST_CHOICES)
			why = "in takes at most 1000 values";
		if (why) {
			buf_free(&b);
			return why;
		}
		list_query_keep(f, &b);
	}
	return NULL;
}

static const char *list_query_take_pattern(
    struct list_filter *f, const char *s, size_t len)
{
	struct buf b = {0};
	if (f->column->column != COLUMN_TEXT)
		return "like and ilike are for strings";
	const char *why = list_value_fault(f->column, s, len);
	if (why == NULL && !list_value_pattern(&b, s, len))
		why = "ends in a backslash that escapes nothing";
	if (why)
		buf_free(&b);
	else
		list_query_keep(f, &b);
	return why;
}

static const char *take_is(struct list_filter *f, const char *s, size_t len)
{
	bool boolean = f->column->column == COLUMN_BOOLEAN;
	struct buf b = {0};
	if (!list_query_is(s, len, "null") &&
	    !list_query_is(s, len, "not_null") &&
	    !(boolean && (list_query_is(s, len, "true") ||
			     list_query_is(s, len, "false"))))
		return boolean ? "is takes null, not_null, true or false"
			       : "is takes null or not_null";
	buf_add(&b, s, len);
	list_query_keep(f, &b);
	return NULL;
}

static const char *list_query_take_value(
    struct list_filter *f, const char *s, size_t len)
{
	if (f->op == LIST_IN)
		return list_query_take_list(f, s, len);
	if (f->op == LIST_LIKE || f->op == LIST_ILIKE)
		return list_query_take_pattern(f, s, len);
	if (f->op == LIST_IS)
		return take_is(f, s, len);
	return take_one(f, s, len);
}

static bool add_filter(struct list_query *q, const struct list_column *column,
    const char *s, size_t len, struct list_fault *fault)
{
	const char *name = column->name;
	const char *dot = memchr(s, '.', len);
	size_t op = 0;
	while (dot && op < LIST_OPS &&
	       !list_query_is(s, (size_t)(dot - s), op_names[op]))
		op++;
	if (dot == NULL || op == LIST_OPS)
		return list_query_refuse(fault, name, strlen(name),
		    "must be op.value; op is eq, neq, gt, gte, lt, lte, in, "
		    "like, ilike or is");
	if (q->nfilters == LIST_FILTERS)
		return list_query_refuse(fault, name, strlen(name),
		    "more than %d filters", (int)LIST_FILTERS);
	struct list_filter *f = &q->filters[q->nfilters++];
	*f = (struct list_filter){.column = column, .op = (enum list_op)op};
	const char *why =
	    list_query_take_value(f, dot + 1, len - (size_t)(dot + 1 - s));
	return why == NULL ||
	       list_query_refuse(fault, name, strlen(name), "%s", why);
}

bool list_query_scope(struct list_query *q, const char *owner)
{
	const struct field *field = q->collection->owner.field;
	const struct list_column *column = list_query_column_of(
	    q->collection, field->name, strlen(field->name));
	struct list_filter *f = &q->filters[q->nfilters++];
	CHECK(column != NULL && q->nfilters <= LIST_FILTERS + 1);
	*f = (struct list_filter){
	    .column = column, .op = LIST_EQ, .scope = true};
	return take_one(f, owner, strlen(owner)) == NULL;
}

/* --- order, limit, cursor ------------------------------------------------ */

static bool list_query_take_order(
    struct list_query *q, const char *s, size_t len, struct list_fault *fault)
{
	const char *dot = memchr(s, '.', len);
	size_t name = dot ? (size_t)(dot - s) : len;
	const struct list_column *column =
	    list_query_column_of(q->collection, s, name);
	if (column == NULL || !column->order)
		return list_query_refuse(fault, "order", 5,
		    "must be a field that %s declares for it",
		    q->collection->name);
	q->order = column;
	q->descending = dot && list_query_is(dot, len - name, ".desc");
	return dot == NULL || q->descending ||
	       list_query_is(dot, len - name, ".asc") ||
	       list_query_refuse(
		   fault, "order", 5, "must end in .asc or .desc");
}

static bool list_query_take_limit(
    struct list_query *q, const char *s, size_t len, struct list_fault *fault)
{
	unsigned most = q->collection->max_limit, n = 0;
	bool digits = len > 0 && len < 10;
	for (size_t i = 0; digits && i < len; i++) {
		digits = s[i] >= '0' && s[i] <= '9';
		n = n * 10 + (unsigned)(s[i] - '0');
	}
	if (!digits || n < 1 || n > most)
		return list_query_refuse(
		    fault, "limit", 5, "must be from 1 to %u", most);
	q->limit = n;
	return true;
}

static bool once(struct list_query *q, enum given what, const char *name,
    struct list_fault *fault)
{
	bool first = !(q->given & what);
	q->given |= what;
	return first ||
	       list_query_refuse(fault, name, strlen(name), "appears twice");
}

static bool list_query_take_selection(
    struct list_query *q, const char *s, size_t len, struct list_fault *fault)
{
	const char *why = selection_take(&q->only, q->collection, s, len);
	return why == NULL || list_query_refuse(fault, "select", 6, "%s", why);
}

/* Adds the filter of a field. */
static bool add_named(struct list_query *q, const char *name, size_t name_len,
    const char *value, size_t len, struct list_fault *fault)
{
	const struct list_column *column =
	    list_query_column_of(q->collection, name, name_len);
	if (column == NULL || !column->filter)
		return list_query_refuse(fault, name, name_len,
		    "is not %sa field that %s declares for filters",
		    q->counts	 ? ""
		    : q->selects ? "select, order, limit, cursor or "
				 : "order, limit, cursor or ",
		    q->collection->name);
	return add_filter(q, column, value, len, fault);
}

bool list_query_add(struct list_query *q, const char *name, size_t name_len,
    const char *value, size_t len, struct list_fault *fault)
{
	*fault = (struct list_fault){0};
	if (q->counts)
		return add_named(q, name, name_len, value, len, fault);
	if (list_query_is(name, name_len, "order"))
		return once(q, GIVEN_ORDER, "order", fault) &&
		       list_query_take_order(q, value, len, fault);
	if (list_query_is(name, name_len, "limit"))
		return once(q, GIVEN_LIMIT, "limit", fault) &&
		       list_query_take_limit(q, value, len, fault);
	if (list_query_is(name, name_len, "cursor")) {
		if (!once(q, GIVEN_CURSOR, "cursor", fault))
			return false;
		q->cursor = mem_strndup(value, len);
		return true;
	}
	if (q->selects && list_query_is(name, name_len, "select"))
		return once(q, GIVEN_SELECT, "select", fault) &&
		       list_query_take_selection(q, value, len, fault);
	return add_named(q, name, name_len, value, len, fault);
}

/* Sorts filters, so that their order in the query does not matter. Filters that
 * compare as equal mean the same in any order. */
static int list_query_compare(const void *pa, const void *pb)
{
	const struct list_filter *a = pa, *b = pb;
	if (a->column != b->column)
		return a->column < b->column ? -1 : 1;
	if (a->op != b->op)
		return a->op < b->op ? -1 : 1;
	for (size_t i = 0; i < a->n && i < b->n; i++) {
		int order = strcmp(a->values[i].s, b->values[i].s);
		if (order)
			return order;
	}
	return (a->n > b->n) - (a->n < b->n);
}

bool list_query_finish(struct list_query *q, struct list_fault *fault)
{
	*fault = (struct list_fault){0};
	qsort(
	    q->filters, q->nfilters, sizeof q->filters[0], list_query_compare);
	if (q->cursor == NULL || list_cursor_read(q, q->cursor, &q->after))
		return true;
	fault->cursor = true;
	return list_query_refuse(fault, "cursor", 6,
	    "does not belong to this list: a cursor is valid only for the same "
	    "collection, filters and order");
}

/* --- the canonical text -------------------------------------------------- */

static void list_text(
    struct buf *out, const struct list_filter *f, bool always_quoted)
{
	buf_char(out, '(');
	for (size_t i = 0; i < f->n; i++) {
		const struct list_value *v = &f->values[i];
		buf_str(out, i ? "," : "");
		if (always_quoted || v->len == 0 || strpbrk(v->s, ",\""))
			list_value_quote(out, v->s, v->len);
		else
			buf_add(out, v->s, v->len);
	}
	buf_char(out, ')');
}

/* Leaves characters as they are that have no meaning in a URL's query or in
 * Sluice's. */
static void encode_least(struct buf *out, const char *s, size_t len)
{
	static const char bare[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "abcdefghijklmnopqrstuvwxyz"
				   "0123456789-._~(),:*";
	for (size_t i = 0; i < len; i++) {
		if (strchr(bare, s[i])) /* values have no NUL */
			buf_char(out, s[i]);
		else
			buf_printf(out, "%%%02X", (unsigned char)s[i]);
	}
}

static void filter_text(
    struct buf *out, const struct list_filter *f, bool least)
{
	struct buf value = {0};
	buf_str(&value, "");
	if (f->op == LIST_IN)
		list_text(&value, f, !least);
	else
		buf_add(&value, f->values[0].s, f->values[0].len);
	buf_printf(out, "%s=%s.", f->column->name, op_names[f->op]);
	(least ? encode_least : path_encode)(out, value.data, value.len);
	buf_char(out, '&');
	buf_free(&value);
}

static void list_query_text_of(
    struct buf *out, const struct list_query *q, bool least)
{
	buf_printf(out, "%s?", q->collection->name);
	for (size_t i = 0; i < q->nfilters; i++) {
		if (!least || !q->filters[i].scope)
			filter_text(out, &q->filters[i], least);
	}
	buf_printf(
	    out, "order=%s.%s", q->order->name, q->descending ? "desc" : "asc");
}

void list_query_text(struct buf *out, const struct list_query *q)
{
	list_query_text_of(out, q, false);
}

static void text_selection(struct buf *out, const struct list_query *q)
{
	if (!q->only.narrow)
		return;
	buf_str(out, "&select=");
	selection_text(out, &q->only, q->collection);
}

void list_query_link(struct buf *out, const struct list_query *q)
{
	list_query_text_of(out, q, true);
	text_selection(out, q);
}

void list_query_id(struct buf *out, const struct list_query *q)
{
	buf_printf(out, "%s/", q->collection->name);
	buf_char(out, '\0');
	list_query_text(out, q);
	text_selection(out, q);
	if (q->counts) {
		buf_str(out, "&count");
		return;
	}
	buf_printf(out, "&limit=%u%s", q->limit, q->totals ? "&total" : "");
	if (q->cursor)
		buf_printf(out, "&cursor=%s", q->cursor);
}
