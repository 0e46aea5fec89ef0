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
	INDEXED_MOST = COLLECTION_INDEXED,
	INDEX_BYTES = 2600,
	PATH_MOST = 4,	       /* names behind the first one */
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
	if (f->column == COLUMN_JSONB || f->column == COLUMN_ARRAY)
		return declare_refuse(d, pointer,
		    "%s is an object or array: it has no order", f->name);
	if (f->column == COLUMN_BYTEA)
		return declare_refuse(d, pointer,
		    "%s has the format byte, which has no index", f->name);
	if (f->column == COLUMN_NUMERIC && field_max_digits(f) > INDEXED_DIGITS)
		return declare_refuse(d, pointer,
		    "%s needs a maxDigits of at most %d, for its index",
		    f->name, INDEXED_DIGITS);
	return !column_is_text(f->column) || short_choices(f) ||
	       (f->has_max_length && f->max_length <= INDEXED_MOST) ||
	       declare_refuse(d, pointer,
		   "%s needs a maxLength of at most %d, for its index", f->name,
		   INDEXED_MOST);
}

/* Is the text `field.name.name`, as the path of a member is declared? */
static bool is_path(const char *text)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "abcdefghijklmnopqrstuvwxyz"
				      "0123456789_-";
	size_t names = 0;
	for (const char *s = text;; s++) {
		size_t len = strspn(s, letters);
		if (len == 0 || len > COLLECTION_NAME_MAX)
			return false;
		names++;
		s += len;
		if (*s == '\0')
			return names > 1 && names <= PATH_MOST + 1;
		if (*s != '.')
			return false;
	}
}

/* A member of an object: `address.city`. */
static struct list_column *declare_list_member(
    struct declaration *d, const char *pointer, struct jsonslice name)
{
	struct collection *c = &d->collection;
	const char *text = declare_string(d, name);
	const char *dot = strchr(text, '.');
	const struct field *f = c->fields;
	if (!is_path(text)) {
		declare_refuse(d, pointer,
		    "%.60s is not the path of a member: names of letters, "
		    "digits, _ and -, with dots between them, at most %d",
		    text, PATH_MOST + 1);
		return NULL;
	}
	while (f < c->fields + c->nfields &&
	       (strlen(f->name) != (size_t)(dot - text) ||
		   memcmp(f->name, text, strlen(f->name)) != 0))
		f++;
	if (f == c->fields + c->nfields || f->type != FIELD_OBJECT) {
		declare_refuse(d, pointer, "%.*s is not a field of type object",
		    (int)(dot - text), text);
		return NULL;
	}
	if (c->ncolumns == LIST_COLUMNS) {
		declare_refuse(d, pointer, "has too many members of objects");
		return NULL;
	}
	struct list_column *out = &d->columns[c->ncolumns++];
	*out = (struct list_column){.name = text,
	    .stored = f->stored,
	    .column = COLUMN_TEXT,
	    .field = f,
	    .path = dot + 1};
	return out;
}

/* The column with this name. It is added if lists may use it; NULL: they may
 * not, and that was reported. */
static struct list_column *declare_list_column_of(struct declaration *d,
    const char *pointer, struct jsonslice name, bool filter)
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
	if (filter && memchr(name.s, '.', name.len))
		return declare_list_member(d, pointer, name);
	size_t i = collection_field(c, name);
	if (c->ncolumns == LIST_COLUMNS) {
		declare_refuse(d, pointer, "has too many members of objects");
		return NULL;
	}
	struct list_column *out = &d->columns[c->ncolumns];
	if (i < c->nfields) {
		const struct field *f = &c->fields[i];
		*out = (struct list_column){.name = f->name,
		    .stored = f->stored,
		    .column = f->column,
		    .field = f};
		if (!declare_check_indexed(d, pointer, f))
			return NULL;
	} else if (c->table.times && jsonslice_equals(name, "created_at", 10)) {
		*out = (struct list_column){.name = "created_at",
		    .stored = c->table.created_at,
		    .column = COLUMN_TIMESTAMPTZ};
	} else if (c->table.times && jsonslice_equals(name, "updated_at", 10)) {
		*out = (struct list_column){.name = "updated_at",
		    .stored = c->table.updated_at,
		    .column = COLUMN_TIMESTAMPTZ};
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
		    declare_list_column_of(d, pointer, e.value, filter);
		if (l == NULL)
			return false;
		for (size_t i = 0;
		     filter && i < sizeof reserved / sizeof reserved[0]; i++) {
			if (strcmp(l->name, reserved[i]) == 0)
				return declare_refuse(d, pointer,
				    "%s is a reserved query parameter of lists",
				    l->name);
		}
		if (filter && l == d->columns && d->collection.nparts)
			return declare_refuse(d, pointer,
			    "the key has several fields: name those");
		if (!filter && l->path)
			return declare_refuse(d, pointer,
			    "%s is a member of an object: lists are not "
			    "ordered by it",
			    l->name);
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

/* --- indexes on several columns ------------------------------------------- */

static size_t longest_choice(const struct field *f)
{
	size_t most = 0;
	struct jsonslice_element e = jsonslice_elements(f->choices);
	while (jsonslice_each(&e)) {
		size_t n = jsonstring_length(e.value);
		most = n > most ? n : most;
	}
	return most;
}

/* The bytes of a value in an index, at most. */
static size_t indexed_bytes(const struct list_column *l)
{
	if (l->field == NULL) /* the key, a time */
		return l->column == COLUMN_TEXT ? COLLECTION_KEY_MAX : 24;
	if (l->column == COLUMN_NUMERIC)
		return field_max_digits(l->field) + 16;
	if (!column_is_text(l->column))
		return 24;
	if (l->path == NULL && l->field->choices.s)
		return 4 * longest_choice(l->field);
	bool bounded = l->path == NULL && l->field->has_max_length;
	return 4 * (bounded ? l->field->max_length : INDEXED_MOST);
}

static bool take_indexed(struct declaration *d, struct list_index *x,
    const char *pointer, struct jsonslice v)
{
	struct collection *c = &d->collection;
	if (jsonslice_kind(v) != JSONSLICE_STRING)
		return declare_refuse(
		    d, pointer, "has an element that is not a name");
	const char *text = declare_string(d, v);
	size_t len = strlen(text);
	bool down = len > 5 && strcmp(text + len - 5, ".desc") == 0;
	bool up = len > 4 && strcmp(text + len - 4, ".asc") == 0;
	len -= down ? 5 : up ? 4 : 0;
	if (x->n == COLLECTION_INDEX_COLUMNS)
		return declare_refuse(d, pointer, "has more than %d names",
		    (int)COLLECTION_INDEX_COLUMNS);
	for (size_t i = 1; i < c->ncolumns; i++) {
		const struct list_column *l = &c->columns[i];
		if (strlen(l->name) != len || memcmp(l->name, text, len) != 0)
			continue;
		for (size_t k = 0; k < x->n; k++) {
			if (x->columns[k] == l)
				return declare_refuse(
				    d, pointer, "has %s twice", l->name);
		}
		x->descending[x->n] = down;
		x->columns[x->n++] = l;
		return true;
	}
	return declare_refuse(d, pointer,
	    "%.*s is listed neither in /list/filter nor in /list/order",
	    (int)len, text);
}

static bool take_index(
    struct declaration *d, size_t at, const char *pointer, struct jsonslice v)
{
	struct list_index *x = &d->indexes[at];
	size_t bytes = indexed_bytes(&d->columns[0]);
	if (jsonslice_kind(v) != JSONSLICE_ARRAY)
		return declare_refuse(d, pointer, "must be an array of names");
	struct jsonslice_element e = jsonslice_elements(v);
	while (jsonslice_each(&e)) {
		if (!take_indexed(d, x, pointer, e.value))
			return false;
	}
	if (x->n < 2)
		return declare_refuse(d, pointer,
		    "must have at least two names: each field has an index of "
		    "its own");
	for (size_t i = 0; i < x->n; i++)
		bytes += indexed_bytes(x->columns[i]);
	return bytes <= INDEX_BYTES ||
	       declare_refuse(d, pointer,
		   "its values may have %zu bytes together, with the key; an "
		   "entry of an index has at most %d: declare a smaller "
		   "maxLength (4 bytes a character) or maxDigits",
		   bytes, (int)INDEX_BYTES);
}

static bool take_indexes(struct declaration *d, struct jsonslice v)
{
	struct collection *c = &d->collection;
	if (jsonslice_kind(v) != JSONSLICE_ARRAY)
		return declare_refuse(
		    d, "/list/indexes", "must be an array of arrays of names");
	struct jsonslice_element e = jsonslice_elements(v);
	while (jsonslice_each(&e)) {
		char pointer[32];
		snprintf(
		    pointer, sizeof pointer, "/list/indexes/%zu", c->nindexes);
		if (c->nindexes == COLLECTION_INDEXES)
			return declare_refuse(d, "/list/indexes",
			    "has more than %d indexes",
			    (int)COLLECTION_INDEXES);
		if (!take_index(d, c->nindexes, pointer, e.value))
			return false;
		c->nindexes++;
	}
	return true;
}

enum part {
	FILTER,
	ORDER,
	INDEXES,
	DEFAULT_ORDER,
	DEFAULT_LIMIT,
	MAX_LIMIT,
	PARTS
};

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
	static const char *const names[] = {"filter", "order", "indexes",
	    "default_order", "default_limit", "max_limit"};
	struct jsonslice p[PARTS] = {{0}};
	d->columns[0] = (struct list_column){
	    .name = c->key_name,
	    .stored = c->table.key,
	    .column = key_column(c),
	    .filter = c->nparts == 0,
	    .order = true,
	};
	c->nkey_columns = c->nparts ? c->nparts : 1;
	d->key_columns[0] = d->columns[0];
	for (size_t i = 0; i < c->nparts; i++)
		d->key_columns[i] =
		    (struct list_column){.name = c->parts[i]->name,
			.stored = c->parts[i]->stored,
			.column = c->parts[i]->column,
			.field = c->parts[i]};
	c->ncolumns = 1;
	c->order = &c->columns[0];
	if (v.s && !declare_parts(d, "/list", v, names, PARTS, p))
		return false;
	if (p[FILTER].s && !take_names(d, "/list/filter", p[FILTER], true))
		return false;
	if (p[ORDER].s && !take_names(d, "/list/order", p[ORDER], false))
		return false;
	if (p[INDEXES].s && !take_indexes(d, p[INDEXES]))
		return false;
	if (p[DEFAULT_ORDER].s && !declare_list_take_order(d, p[DEFAULT_ORDER]))
		return false;
	return take_limits(d, p);
}
