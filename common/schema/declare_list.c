/* Which columns may filter and order the lists of a collection. */
#include "common/json/jsonstring.h"
#include "common/schema/declare_priv.h"

#include <stdio.h>
#include <string.h>

enum {
	LIMIT_DEFAULT = 100,
	LIMIT_MOST = 1000,
	/* An index entry has at most 2704 bytes, and also holds the key. Four
	 * digits take two bytes. */
	INDEXED_MOST = 500,
	INDEXED_DIGITS = 2000, /* on either side of the point */
};

/* Does the field have an enum whose values all fit into an index? */
static bool short_choices(const struct field *f)
{
	bool fit = f->choices.s != NULL;
	struct jsonslice_element e;
	if (fit)
		e = jsonslice_elements(f->choices);
	while (fit && jsonslice_each(&e))
		fit = jsonstring_length(e.value) <= INDEXED_MOST;
	return fit;
}

bool declare_check_indexed(
    struct declaration *d, const char *pointer, const struct field *f)
{
	if (f->column == COLUMN_JSONB)
		return declare_refuse(d, pointer,
		    "%s is an object or array: it has no order", f->name);
	if (f->column == COLUMN_BYTEA)
		return declare_refuse(d, pointer,
		    "%s has the format byte, which has no index", f->name);
	if (f->column == COLUMN_NUMERIC && field_max_digits(f) > INDEXED_DIGITS)
		return declare_refuse(d, pointer,
		    "%s needs a maxDigits of at most %d, for its index",
		    f->name, INDEXED_DIGITS);
	return f->column != COLUMN_TEXT || short_choices(f) ||
	       (f->has_max_length && f->max_length <= INDEXED_MOST) ||
	       declare_refuse(d, pointer,
		   "%s needs a maxLength of at most %d, for its index", f->name,
		   INDEXED_MOST);
}

/* The column with this name. It is added if lists may use it; NULL: they may
 * not, and that was reported. */
static struct list_column *declare_list_column_of(
    struct declaration *d, const char *pointer, struct jsonslice name)
{
	struct collection *c = &d->collection;
	if (jsonslice_kind(name) != JSONSLICE_STRING) {
		declare_refuse(d, pointer, "has an element that is not a name");
		return NULL;
	}
	for (size_t i = 0; i < c->ncolumns; i++) {
		const char *known = d->columns[i].name;
		if (jsonslice_equals(name, known, strlen(known)))
			return &d->columns[i];
	}
	size_t i = collection_field(c, name);
	struct list_column *out = &d->columns[c->ncolumns];
	if (i < c->nfields) {
		const struct field *f = &c->fields[i];
		*out = (struct list_column){f->name, f->column, f, 0, 0};
		if (!declare_check_indexed(d, pointer, f))
			return NULL;
	} else if (jsonslice_equals(name, "created_at", 10)) {
		*out = (struct list_column){
		    "created_at", COLUMN_TIMESTAMPTZ, NULL, 0, 0};
	} else if (jsonslice_equals(name, "updated_at", 10)) {
		*out = (struct list_column){
		    "updated_at", COLUMN_TIMESTAMPTZ, NULL, 0, 0};
	} else {
		declare_refuse(d, pointer, "%.*s is not a field",
		    name.len > 60 ? 60 : (int)name.len, name.s);
		return NULL;
	}
	c->ncolumns++;
	return out;
}

static bool take_names(
    struct declaration *d, const char *pointer, struct jsonslice v, bool filter)
{
	static const char *const reserved[] = {
	    "order", "limit", "cursor", "select", "and", "or"};
	if (jsonslice_kind(v) != JSONSLICE_ARRAY)
		return declare_refuse(d, pointer, "must be an array of names");
	struct jsonslice_element e = jsonslice_elements(v);
	while (jsonslice_each(&e)) {
		struct list_column *l =
		    declare_list_column_of(d, pointer, e.value);
		if (l == NULL)
			return false;
		for (size_t i = 0;
		     filter && i < sizeof reserved / sizeof reserved[0]; i++) {
			if (strcmp(l->name, reserved[i]) == 0)
				return declare_refuse(d, pointer,
				    "%s is a reserved query parameter of lists",
				    l->name);
		}
		*(filter ? &l->filter : &l->order) = true;
	}
	return true;
}

/* Takes "price.desc", "title.asc" or "title". */
static bool declare_list_take_order(struct declaration *d, struct jsonslice v)
{
	struct collection *c = &d->collection;
	if (jsonslice_kind(v) != JSONSLICE_STRING)
		return declare_refuse(
		    d, "/list/default_order", "must be a string");
	const char *text = declare_string(d, v);
	size_t len = strcspn(text, ".");
	c->descending = strcmp(text + len, ".desc") == 0;
	if (text[len] && !c->descending && strcmp(text + len, ".asc") != 0)
		return declare_refuse(d, "/list/default_order",
		    "must be a name, or one with .asc or .desc");
	for (size_t i = 0; i < c->ncolumns; i++) {
		const struct list_column *l = &c->columns[i];
		if (l->order && strlen(l->name) == len &&
		    memcmp(l->name, text, len) == 0) {
			c->order = l;
			return true;
		}
	}
	return declare_refuse(d, "/list/default_order",
	    "%.*s is not listed in /list/order", (int)len, text);
}

static bool declare_list_take_limit(struct declaration *d, const char *pointer,
    struct jsonslice v, unsigned *out)
{
	int64_t n;
	if (v.s == NULL)
		return true;
	if (!declare_count(d, pointer, v, LIMIT_MOST, &n))
		return false;
	*out = (unsigned)n;
	return n > 0 || declare_refuse(d, pointer, "must be at least 1");
}

enum part { FILTER, ORDER, DEFAULT_ORDER, DEFAULT_LIMIT, MAX_LIMIT, PARTS };

static bool take_limits(struct declaration *d, const struct jsonslice p[PARTS])
{
	struct collection *c = &d->collection;
	c->max_limit = LIMIT_MOST;
	if (!declare_list_take_limit(
		d, "/list/max_limit", p[MAX_LIMIT], &c->max_limit))
		return false;
	c->default_limit =
	    c->max_limit < LIMIT_DEFAULT ? c->max_limit : LIMIT_DEFAULT;
	if (!declare_list_take_limit(
		d, "/list/default_limit", p[DEFAULT_LIMIT], &c->default_limit))
		return false;
	return c->default_limit <= c->max_limit ||
	       declare_refuse(
		   d, "/list/default_limit", "is greater than max_limit");
}

bool declare_list(struct declaration *d, struct jsonslice v)
{
	struct collection *c = &d->collection;
	static const char *const names[] = {
	    "filter", "order", "default_order", "default_limit", "max_limit"};
	struct jsonslice p[PARTS] = {{0}};
	d->columns[0] =
	    (struct list_column){c->key_name, key_column(c), NULL, true, true};
	c->ncolumns = 1;
	c->order = &c->columns[0];
	if (v.s && !declare_parts(d, "/list", v, names, PARTS, p))
		return false;
	if (p[FILTER].s && !take_names(d, "/list/filter", p[FILTER], true))
		return false;
	if (p[ORDER].s && !take_names(d, "/list/order", p[ORDER], false))
		return false;
	if (p[DEFAULT_ORDER].s && !declare_list_take_order(d, p[DEFAULT_ORDER]))
		return false;
	return take_limits(d, p);
}
