#include "api/list/list_query.h"

#include "api/list/list_cursor.h"
#include "common/base/check.h"
#include "common/base/mem.h"
#include "common/log/keyspace.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
	q->orders[0] = (struct list_order){c->order, c->descending};
	q->norders = 1;
	q->limit = c->default_limit;
	return q;
}

struct list_query *list_query_group(const struct collection *c,
    const char *group, size_t len, int32_t partition)
{
	struct list_query *q = list_query_new(c);
	q->orders[0] = (struct list_order){&c->columns[0], false};
	q->limit = LIST_GROUP;
	q->group = mem_strndup(group, len);
	q->group_len = len;
	q->partition = partition;
	return q;
}

size_t list_query_parts(const struct list_query *q)
{
	size_t n = 0;
	for (; q; q = q->also)
		n++;
	return n;
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
	for (size_t i = 0; i < q->nfilters; i++)
		list_filter_free(&q->filters[i]);
	list_query_unref(&q->also);
	free(q->group);
	free(q->cursor);
	list_place_free(&q->after);
	free(q);
}

void list_place_free(struct list_place *p)
{
	for (size_t i = 0; i < LIST_ORDERS; i++)
		free(p->values[i].value);
	free(p->key);
	*p = (struct list_place){.key = NULL};
}

bool list_query_by_key(const struct list_query *q)
{
	return q->orders[0].column == &q->collection->columns[0];
}

bool list_query_descending(const struct list_query *q)
{
	return q->orders[q->norders - 1].descending;
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

/* A group that all filters of the query are in anyway is not kept as one. */
static void keep_filter(struct list_query *q, struct list_filter *f)
{
	list_filter_settle(f);
	if (f->column || f->any || f->negated) {
		q->filters[q->nfilters++] = *f;
		return;
	}
	for (size_t i = 0; i < f->nterms; i++)
		q->filters[q->nfilters++] = f->terms[i];
	free(f->terms);
}

/* Ends the reading of a filter: keeps it, or says why it is refused. */
static bool filter_done(struct list_query *q,
    const struct list_filter_reader *r, struct list_filter *f, bool good,
    const char *name, size_t name_len, struct list_fault *fault)
{
	q->nleaves = r->n;
	if (good) {
		keep_filter(q, f);
		return true;
	}
	bool grouped = f->column == NULL;
	list_filter_free(f);
	return list_query_refuse(fault, name, name_len, "%s%s%s",
	    grouped && r->column ? r->column->name : "",
	    grouped && r->column ? ": " : "", r->why);
}

static bool add_filter(struct list_query *q, const struct list_column *column,
    const char *s, size_t len, struct list_fault *fault)
{
	struct list_filter f;
	struct list_filter_reader r = {
	    .collection = q->collection, .n = q->nleaves};
	bool good = list_filter_read(&r, &f, column, s, len);
	return filter_done(
	    q, &r, &f, good, column->name, strlen(column->name), fault);
}

/* Is the parameter a group: or, and, not.or, not.and? */
static bool group_named(const char *name, size_t len, bool *negated, bool *any)
{
	*negated = len > 4 && memcmp(name, "not.", 4) == 0;
	name += *negated ? 4 : 0;
	len -= *negated ? 4 : 0;
	*any = list_query_is(name, len, "or");
	return *any || list_query_is(name, len, "and");
}

static bool add_group(struct list_query *q, const char *name, size_t name_len,
    const char *s, size_t len, struct list_fault *fault)
{
	bool negated, any;
	struct list_filter f;
	struct list_filter_reader r = {
	    .collection = q->collection, .n = q->nleaves};
	group_named(name, name_len, &negated, &any);
	bool good = list_filter_read_group(&r, &f, any, s, len);
	f.negated = negated;
	return filter_done(q, &r, &f, good, name, name_len, fault);
}

bool list_query_scope(struct list_query *q, const char *owner)
{
	const char *name = q->collection->owner.field->name;
	struct list_filter *f = &q->filters[q->nfilters++];
	const struct list_column *column =
	    list_filter_column(q->collection, name, strlen(name));
	struct list_filter_reader r = {.collection = q->collection};
	struct buf b = {0};
	CHECK(q->nfilters <= LIST_FILTERS + 1);
	if (column == NULL) {
		const struct field *field = q->collection->owner.field;
		q->owner = (struct list_column){.name = name,
		    .stored = field->stored,
		    .column = field->column,
		    .field = field,
		    .filter = true};
		column = &q->owner;
	}
	buf_printf(&b, "eq.%s", owner);
	bool good = list_filter_read(&r, f, column, b.data, b.len);
	f->scope = true;
	buf_free(&b);
	return good;
}

/* --- order, limit, cursor ------------------------------------------------ */

/* Takes `field`, `field.asc` or `field.desc`. Returns NULL, or what it must be.
 */
static const char *take_one_order(const struct list_query *q,
    struct list_order *out, const char *s, size_t len)
{
	const char *dot = memchr(s, '.', len);
	size_t name = dot ? (size_t)(dot - s) : len;
	out->column = list_query_column_of(q->collection, s, name);
	out->descending = dot && list_query_is(dot, len - name, ".desc");
	if (out->column == NULL)
		return "must be a field that the collection declares for it";
	return dot == NULL || out->descending ||
		       list_query_is(dot, len - name, ".asc")
		   ? NULL
		   : "must end in .asc or .desc";
}

/* Whether an index carries several of them, is seen when all filters are known.
 */
static bool list_query_take_order(
    struct list_query *q, const char *s, size_t len, struct list_fault *fault)
{
	/* The last one may be the key, which follows anyway. */
	struct list_order all[LIST_ORDERS + 1];
	const char *end = s + len;
	size_t n = 0;
	for (bool more = true; more; n++) {
		const char *comma = memchr(s, ',', (size_t)(end - s));
		const char *stop = comma ? comma : end;
		if (n == LIST_ORDERS + 1)
			return list_query_refuse(fault, "order", 5,
			    "has more than %d fields", (int)LIST_ORDERS);
		const char *why =
		    take_one_order(q, &all[n], s, (size_t)(stop - s));
		if (why)
			return list_query_refuse(fault, "order", 5, "%s", why);
		more = comma != NULL;
		s = stop + 1;
	}
	if (n > 1 && all[n - 1].column == &q->collection->columns[0] &&
	    all[n - 1].descending == all[n - 2].descending)
		n--;
	if (n > LIST_ORDERS)
		return list_query_refuse(fault, "order", 5,
		    "has more than %d fields", (int)LIST_ORDERS);
	if (n == 1 && !all[0].column->order)
		return list_query_refuse(fault, "order", 5,
		    "must be a field that %s declares for it",
		    q->collection->name);
	memcpy(q->orders, all, n * sizeof all[0]);
	q->norders = n;
	return true;
}

/* Is there a filter `eq` of the column, which all rows match? */
static bool is_fixed(const struct list_query *q, const struct list_column *l)
{
	for (size_t i = 0; i < q->nfilters; i++) {
		const struct list_filter *f = &q->filters[i];
		if (f->column == l && f->op == LIST_EQ && !f->negated)
			return true;
	}
	return false;
}

/* Does the index have the rows in this order, or wholly reversed? In front of
 * the columns of the order, it may have columns with one value. */
static bool index_carries(
    const struct list_query *q, const struct list_index *x)
{
	if (q->norders > x->n)
		return false;
	size_t fixed = x->n - q->norders;
	for (size_t i = 0; i < fixed; i++) {
		if (!is_fixed(q, x->columns[i]))
			return false;
	}
	bool turned = q->orders[0].descending != x->descending[fixed];
	for (size_t i = 0; i < q->norders; i++) {
		const struct list_order *o = &q->orders[i];
		bool down = x->descending[fixed + i] != turned;
		if (o->column != x->columns[fixed + i] || o->column->path ||
		    o->descending != down)
			return false;
	}
	return true;
}

static void name_indexes(struct buf *out, const struct collection *c)
{
	for (size_t i = 0; i < c->nindexes; i++) {
		const struct list_index *x = &c->indexes[i];
		buf_str(out, i ? "; " : "");
		for (size_t k = 0; k < x->n; k++)
			buf_printf(out, "%s%s%s", k ? "," : "",
			    x->columns[k]->name,
			    x->descending[k] ? ".desc" : "");
	}
}

static bool check_order(struct list_query *q, struct list_fault *fault)
{
	const struct collection *c = q->collection;
	struct buf names = {0};
	for (size_t i = 0; i < c->nindexes; i++) {
		if (q->norders == 1 || index_carries(q, &c->indexes[i]))
			return true;
	}
	if (q->norders == 1)
		return true;
	if (c->nindexes == 0)
		return list_query_refuse(fault, "order", 5,
		    "must be one field: %s declares no index on several",
		    c->name);
	name_indexes(&names, c);
	list_query_refuse(fault, "order", 5,
	    "no index has this order: several fields must be those of an "
	    "index, in its directions or all of them turned, without the first "
	    "ones that a filter eq has. The indexes of %s: %s",
	    c->name, names.data);
	buf_free(&names);
	return false;
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

/* Adds a filter of a field, or a group of filters. */
static bool add_named(struct list_query *q, const char *name, size_t name_len,
    const char *value, size_t len, struct list_fault *fault)
{
	bool negated, any;
	if (group_named(name, name_len, &negated, &any))
		return add_group(q, name, name_len, value, len, fault);
	const struct list_column *column =
	    list_filter_column(q->collection, name, name_len);
	if (column == NULL)
		return list_query_refuse(fault, name, name_len,
		    "is not %sa field that %s declares for filters",
		    q->counts	 ? ""
		    : q->exports ? "select or "
		    : q->selects ? "select, order, limit, cursor or "
				 : "order, limit, cursor or ",
		    q->collection->name);
	return add_filter(q, column, value, len, fault);
}

static bool of_a_page(const char *name, size_t len)
{
	return list_query_is(name, len, "order") ||
	       list_query_is(name, len, "limit") ||
	       list_query_is(name, len, "cursor");
}

bool list_query_add(struct list_query *q, const char *name, size_t name_len,
    const char *value, size_t len, struct list_fault *fault)
{
	*fault = (struct list_fault){0};
	if (q->counts)
		return add_named(q, name, name_len, value, len, fault);
	if (q->exports && of_a_page(name, name_len))
		return list_query_refuse(fault, name, name_len,
		    "an export has all documents that match, in no particular "
		    "order: it takes filters and select, but no order, limit "
		    "or cursor");
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

bool list_query_finish(struct list_query *q, struct list_fault *fault)
{
	*fault = (struct list_fault){0};
	qsort(
	    q->filters, q->nfilters, sizeof q->filters[0], list_filter_compare);
	if (!check_order(q, fault))
		return false;
	if (q->cursor == NULL || list_cursor_read(q, q->cursor, &q->after))
		return true;
	fault->cursor = true;
	return list_query_refuse(fault, "cursor", 6,
	    "does not belong to this list: a cursor is valid only for the same "
	    "collection, filters and order");
}

/* --- the canonical text -------------------------------------------------- */

static void list_query_text_of(
    struct buf *out, const struct list_query *q, bool least)
{
	buf_printf(out, "%s?", q->collection->name);
	for (size_t i = 0; i < q->nfilters; i++) {
		if (least && q->filters[i].scope)
			continue;
		list_filter_text(out, &q->filters[i], least);
		buf_char(out, '&');
	}
	for (size_t i = 0; i < q->norders; i++)
		buf_printf(out, "%s%s.%s",
		    i ? "," : "order=", q->orders[i].column->name,
		    q->orders[i].descending ? "desc" : "asc");
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
	/* The columns of CSV have the order of the names. */
	selection_text(out, &q->only, q->collection, q->csv);
}

void list_query_link(struct buf *out, const struct list_query *q)
{
	list_query_text_of(out, q, true);
	text_selection(out, q);
}

static void list_query_group_id(struct buf *out, const struct list_query *q)
{
	buf_str(out, KEYSPACE_BATCH "/");
	buf_add(out, q->group, q->group_len);
	for (; q; q = q->also) {
		buf_char(out, '\0');
		list_query_text(out, q);
	}
}

void list_query_id(struct buf *out, const struct list_query *q)
{
	if (q->group) {
		list_query_group_id(out, q);
		return;
	}
	buf_printf(out, "%s/", q->collection->name);
	buf_char(out, '\0');
	list_query_text(out, q);
	text_selection(out, q);
	if (q->counts) {
		buf_str(out, "&count");
		return;
	}
	buf_printf(out, "&limit=%u%s%s", q->limit, q->totals ? "&total" : "",
	    q->csv ? "&csv" : "");
	if (q->cursor)
		buf_printf(out, "&cursor=%s", q->cursor);
}
