#include "api/list/list_filter.h"

#include "common/base/mem.h"
#include "common/http/path.h"

#include <stdlib.h>
#include <string.h>

static const char *const op_names[LIST_OPS] = {
#define LIST_OP(id, name) [id] = name,
#include "api/list/list_ops.def"
#undef LIST_OP
};

static bool list_filter_is(const char *s, size_t len, const char *text)
{
	return strlen(text) == len && memcmp(s, text, len) == 0;
}

const struct list_column *list_filter_column(
    const struct collection *c, const char *name, size_t len)
{
	for (size_t i = 0; i < c->ncolumns; i++) {
		if (c->columns[i].filter &&
		    list_filter_is(name, len, c->columns[i].name))
			return &c->columns[i];
	}
	return NULL;
}

void list_filter_free(struct list_filter *f)
{
	for (size_t i = 0; i < f->nterms; i++)
		list_filter_free(&f->terms[i]);
	for (size_t i = 0; i < f->n; i++)
		free(f->values[i].s);
	free(f->terms);
	free(f->values);
	*f = (struct list_filter){.negated = false};
}

/* --- values -------------------------------------------------------------- */

static void list_filter_keep(struct list_filter *f, struct buf *value)
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
	list_filter_keep(f, &b);
	return NULL;
}

static const char *list_filter_take_list(
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
		list_filter_keep(f, &b);
	}
	return NULL;
}

static const char *list_filter_take_pattern(
    struct list_filter *f, const char *s, size_t len)
{
	struct buf b = {0};
	if (!column_is_text(f->column->column))
		return "like and ilike are for strings";
	const char *why = list_value_fault(f->column, s, len);
	if (why == NULL && !list_value_pattern(&b, s, len))
		why = "ends in a backslash that escapes nothing";
	if (why)
		buf_free(&b);
	else
		list_filter_keep(f, &b);
	return why;
}

static const char *take_is(struct list_filter *f, const char *s, size_t len)
{
	bool boolean = f->column->column == COLUMN_BOOLEAN;
	struct buf b = {0};
	if (!list_filter_is(s, len, "null") &&
	    !list_filter_is(s, len, "not_null") &&
	    !(boolean && (list_filter_is(s, len, "true") ||
			     list_filter_is(s, len, "false"))))
		return boolean ? "is takes null, not_null, true or false"
			       : "is takes null or not_null";
	buf_add(&b, s, len);
	list_filter_keep(f, &b);
	return NULL;
}

/* `s` ends in a NUL behind `len`. */
static const char *list_filter_take_value(
    struct list_filter *f, const char *s, size_t len)
{
	if (f->op == LIST_IN)
		return list_filter_take_list(f, s, len);
	if (f->op == LIST_LIKE || f->op == LIST_ILIKE)
		return list_filter_take_pattern(f, s, len);
	if (f->op == LIST_IS)
		return take_is(f, s, len);
	return take_one(f, s, len);
}

/* --- one filter ---------------------------------------------------------- */

static bool list_filter_refuse(struct list_filter_reader *r,
    const struct list_column *column, const char *why)
{
	r->column = column;
	r->why = why;
	return false;
}

static bool take_prefix(const char **s, const char *end, const char *prefix)
{
	size_t len = strlen(prefix);
	if ((size_t)(end - *s) < len || memcmp(*s, prefix, len) != 0)
		return false;
	*s += len;
	return true;
}

/* Takes `op.`, with `not.` in front of it. */
static bool take_op(struct list_filter_reader *r, struct list_filter *f,
    const char **s, const char *end)
{
	static const char must[] =
	    "must be op.value or not.op.value; op is eq, neq, gt, gte, lt, "
	    "lte, in, like, ilike or is";
	f->negated = take_prefix(s, end, "not.");
	const char *dot = memchr(*s, '.', (size_t)(end - *s));
	size_t op = 0;
	while (dot && op < LIST_OPS &&
	       !list_filter_is(*s, (size_t)(dot - *s), op_names[op]))
		op++;
	if (dot == NULL || op == LIST_OPS)
		return list_filter_refuse(r, f->column, must);
	if (r->n == LIST_FILTERS)
		return list_filter_refuse(r, f->column, "more than 32 filters");
	r->n++;
	f->op = (enum list_op)op;
	*s = dot + 1;
	return true;
}

bool list_filter_read(struct list_filter_reader *r, struct list_filter *out,
    const struct list_column *column, const char *s, size_t len)
{
	const char *end = s + len;
	*out = (struct list_filter){.column = column};
	if (!take_op(r, out, &s, end))
		return false;
	const char *why = list_filter_take_value(out, s, (size_t)(end - s));
	return why == NULL || list_filter_refuse(r, column, why);
}

/* --- groups -------------------------------------------------------------- */

static bool list_filter_take_group(struct list_filter_reader *r,
    struct list_filter *out, const char **s, const char *end, unsigned depth);

/* Takes `field.`. If several names fit, which have dots inside, the longest. */
static const struct list_column *take_column(
    const struct collection *c, const char **s, const char *end)
{
	const struct list_column *found = NULL;
	size_t most = 0;
	for (size_t i = 0; i < c->ncolumns; i++) {
		const struct list_column *l = &c->columns[i];
		size_t len = strlen(l->name);
		if (l->filter && len < (size_t)(end - *s) && (*s)[len] == '.' &&
		    memcmp(*s, l->name, len) == 0 && len > most) {
			most = len;
			found = l;
		}
	}
	*s += found ? most + 1 : 0;
	return found;
}

/* Appends the text of a list, to its closing bracket. */
static bool take_brackets(struct buf *out, const char **s, const char *end)
{
	bool quoted = false;
	while (*s < end) {
		char c = *(*s)++;
		buf_char(out, c);
		if (quoted && c == '\\' && *s < end)
			buf_char(out, *(*s)++);
		else if (c == '"')
			quoted = !quoted;
		else if (c == ')' && !quoted)
			return true;
	}
	return false;
}

/* Appends a value, to the comma or the bracket behind it. */
static bool take_plain(struct buf *out, const char **s, const char *end)
{
	while (*s < end && **s != ',' && **s != ')') {
		if (**s == '"' || **s == '(')
			return false;
		buf_char(out, *(*s)++);
	}
	return true;
}

static bool take_term_value(struct list_filter_reader *r, struct list_filter *f,
    const char **s, const char *end)
{
	struct buf value = {0};
	bool good;
	buf_str(&value, "");
	if (f->op == LIST_IN)
		good = take_brackets(&value, s, end);
	else if (*s < end && **s == '"')
		good = list_value_quoted(s, end, &value);
	else
		good = take_plain(&value, s, end);
	const char *why =
	    good ? list_filter_take_value(f, value.data, value.len)
	    : f->op == LIST_IN ? "in takes a list: in.(1,2) or in.(\"a\",b)"
			       : "in a group, a value with commas, brackets or "
				 "quotes stands in double quotes";
	buf_free(&value);
	return why == NULL || list_filter_refuse(r, f->column, why);
}

/* Takes a filter or a group. */
static bool take_term(struct list_filter_reader *r, struct list_filter *out,
    const char **s, const char *end, unsigned depth)
{
	const char *at = *s;
	*out = (struct list_filter){.negated = take_prefix(&at, end, "not.")};
	bool all = take_prefix(&at, end, "and(");
	if (all || take_prefix(&at, end, "or(")) {
		out->any = !all;
		*s = at - 1;
		return list_filter_take_group(r, out, s, end, depth + 1);
	}
	*out =
	    (struct list_filter){.column = take_column(r->collection, s, end)};
	if (out->column == NULL)
		return list_filter_refuse(r, NULL,
		    "a term must be field.op.value, with a field that the "
		    "collection declares for filters, or and(…), or(…)");
	return take_op(r, out, s, end) && take_term_value(r, out, s, end);
}

static struct list_filter *add_term(struct list_filter *group)
{
	group->terms = mem_realloc(
	    group->terms, (group->nterms + 1) * sizeof *group->terms);
	struct list_filter *term = &group->terms[group->nterms++];
	*term = (struct list_filter){.negated = false};
	return term;
}

static bool list_filter_take_group(struct list_filter_reader *r,
    struct list_filter *out, const char **s, const char *end, unsigned depth)
{
	if (depth > LIST_FILTER_DEPTH)
		return list_filter_refuse(
		    r, NULL, "groups are nested more than 8 deep");
	if (!take_prefix(s, end, "("))
		return list_filter_refuse(r, NULL,
		    "must be terms in brackets: (a.eq.1,b.not.is.null)");
	for (;;) {
		/* The place of a term moves when the next one is added. */
		if (!take_term(r, add_term(out), s, end, depth))
			return false;
		if (take_prefix(s, end, ")"))
			return true;
		if (!take_prefix(s, end, ","))
			return list_filter_refuse(r, NULL,
			    "has neither a comma nor a closing bracket behind "
			    "a term");
	}
}

bool list_filter_read_group(struct list_filter_reader *r,
    struct list_filter *out, bool any, const char *s, size_t len)
{
	const char *end = s + len;
	*out = (struct list_filter){.any = any};
	if (!list_filter_take_group(r, out, &s, end, 1))
		return false;
	return s == end || list_filter_refuse(
			       r, NULL, "goes on behind its closing bracket");
}

/* --- the one form -------------------------------------------------------- */

static int list_filter_compare_leaves(
    const struct list_filter *a, const struct list_filter *b)
{
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

int list_filter_compare(const void *pa, const void *pb)
{
	const struct list_filter *a = pa, *b = pb;
	if ((a->column == NULL) != (b->column == NULL))
		return a->column ? -1 : 1;
	if (a->negated != b->negated)
		return a->negated ? 1 : -1;
	if (a->column)
		return list_filter_compare_leaves(a, b);
	if (a->any != b->any)
		return a->any ? 1 : -1;
	for (size_t i = 0; i < a->nterms && i < b->nterms; i++) {
		int order = list_filter_compare(&a->terms[i], &b->terms[i]);
		if (order)
			return order;
	}
	return (a->nterms > b->nterms) - (a->nterms < b->nterms);
}

/* Puts the terms of a group of the same kind in its place. */
static void splice(struct list_filter *f, size_t at)
{
	struct list_filter inner = f->terms[at];
	size_t n = f->nterms - 1 + inner.nterms;
	struct list_filter *terms = mem_alloc(n * sizeof *terms);
	memcpy(terms, f->terms, at * sizeof *terms);
	memcpy(terms + at, inner.terms, inner.nterms * sizeof *terms);
	memcpy(terms + at + inner.nterms, f->terms + at + 1,
	    (f->nterms - at - 1) * sizeof *terms);
	free(inner.terms);
	free(f->terms);
	f->terms = terms;
	f->nterms = n;
}

/* A group of one term is that term. */
static void unwrap(struct list_filter *f)
{
	struct list_filter only = f->terms[0];
	only.negated = only.negated != f->negated;
	free(f->terms);
	*f = only;
}

void list_filter_settle(struct list_filter *f)
{
	if (f->column)
		return;
	/* A term of a term that was spliced in is settled. */
	for (size_t i = 0; i < f->nterms; i++) {
		struct list_filter *t = &f->terms[i];
		list_filter_settle(t);
		if (t->column == NULL && !t->negated && t->any == f->any)
			splice(f, i);
	}
	if (f->nterms == 1)
		unwrap(f);
	else
		qsort(
		    f->terms, f->nterms, sizeof *f->terms, list_filter_compare);
}

/* --- the text ------------------------------------------------------------ */

static void list_filter_text_of_list(
    struct buf *out, const struct list_filter *f, bool least, bool grouped)
{
	const char *reserved = grouped ? ",()\"" : ",\"";
	buf_char(out, '(');
	for (size_t i = 0; i < f->n; i++) {
		const struct list_value *v = &f->values[i];
		buf_str(out, i ? "," : "");
		if (!least || v->len == 0 || strpbrk(v->s, reserved))
			list_value_quote(out, v->s, v->len);
		else
			buf_add(out, v->s, v->len);
	}
	buf_char(out, ')');
}

/* Appends `op.value`. In a group, the value may need quotes. */
static void leaf_text(
    struct buf *out, const struct list_filter *f, bool least, bool grouped)
{
	buf_printf(out, "%s%s.", f->negated ? "not." : "", op_names[f->op]);
	if (f->op == LIST_IN)
		list_filter_text_of_list(out, f, least, grouped);
	else if (grouped && f->op != LIST_IS &&
		 (!least || strpbrk(f->values[0].s, ",()\"")))
		list_value_quote(out, f->values[0].s, f->values[0].len);
	else
		buf_add(out, f->values[0].s, f->values[0].len);
}

static void group_text(struct buf *out, const struct list_filter *f, bool least)
{
	for (size_t i = 0; i < f->nterms; i++) {
		const struct list_filter *t = &f->terms[i];
		buf_char(out, i ? ',' : '(');
		if (t->column) {
			buf_printf(out, "%s.", t->column->name);
			leaf_text(out, t, least, true);
		} else {
			buf_printf(out, "%s%s", t->negated ? "not." : "",
			    t->any ? "or" : "and");
			group_text(out, t, least);
		}
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

void list_filter_text(struct buf *out, const struct list_filter *f, bool least)
{
	struct buf value = {0};
	if (f->column) {
		buf_printf(out, "%s=", f->column->name);
		leaf_text(&value, f, least, false);
	} else {
		buf_printf(out, "%s%s=", f->negated ? "not." : "",
		    f->any ? "or" : "and");
		group_text(&value, f, least);
	}
	(least ? encode_least : path_encode)(out, value.data, value.len);
	buf_free(&value);
}
