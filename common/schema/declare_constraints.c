/* Which fields must be unique together, and which ones are keys of other
 * documents. Whether the other collections exist is checked when all of them
 * are known (common/schema/collection.c).
 */
#include "common/schema/declare_priv.h"

#include <stdio.h>
#include <string.h>

/* --- unique -------------------------------------------------------------- */

/* Takes the name of a field into a list of at most `most`, each once. */
static bool declare_take_named(struct declaration *d, const char *pointer,
    const struct field **fields, size_t *n, size_t most, struct jsonslice name)
{
	struct collection *c = &d->collection;
	size_t i = c->nfields;
	if (jsonslice_kind(name) == JSONSLICE_STRING)
		i = collection_field(c, name);
	if (i == c->nfields)
		return declare_refuse(d, pointer, "%.*s is not a field",
		    name.len > 60 ? 60 : (int)name.len, name.s);
	for (size_t k = 0; k < *n; k++) {
		if (fields[k] == &c->fields[i])
			return declare_refuse(
			    d, pointer, "has %s twice", c->fields[i].name);
	}
	if (*n == most)
		return declare_refuse(
		    d, pointer, "has more than %zu fields", most);
	fields[(*n)++] = &c->fields[i];
	return declare_check_indexed(d, pointer, &c->fields[i]);
}

static bool declare_unique_one(
    struct declaration *d, const char *pointer, struct jsonslice v)
{
	struct collection *c = &d->collection;
	if (jsonslice_kind(v) != JSONSLICE_ARRAY)
		return declare_refuse(d, pointer, "must be an array of names");
	if (c->nuniques == COLLECTION_UNIQUES)
		return declare_refuse(d, "/unique", "has more than %d entries",
		    COLLECTION_UNIQUES);
	struct unique *u = &d->uniques[c->nuniques++];
	struct jsonslice_element e = jsonslice_elements(v);
	while (jsonslice_each(&e)) {
		if (!declare_take_named(d, pointer, u->fields, &u->n,
			COLLECTION_UNIQUE_FIELDS, e.value))
			return false;
	}
	return u->n > 0 || declare_refuse(d, pointer, "must not be empty");
}

static bool same_fields(const struct field *const *a, size_t na,
    const struct field *const *b, size_t nb)
{
	return na == nb && memcmp(a, b, na * sizeof *a) == 0;
}

/* The entries i and k: their constraints would have one name. */
static bool refuse_same(
    struct declaration *d, const char *entries, size_t i, size_t k)
{
	char pointer[64];
	snprintf(pointer, sizeof pointer, "%s/%zu", entries, i);
	return declare_refuse(d, pointer,
	    "has the same fields as %s/%zu: remove one of the two", entries, k);
}

static bool check_twice(struct declaration *d)
{
	const struct unique *u = d->uniques;
	const struct reference *r = d->references;
	for (size_t i = 1; i < d->collection.nuniques; i++) {
		for (size_t k = 0; k < i; k++)
			if (same_fields(
				u[i].fields, u[i].n, u[k].fields, u[k].n))
				return refuse_same(d, "/unique", i, k);
	}
	for (size_t i = 1; i < d->collection.nreferences; i++) {
		for (size_t k = 0; k < i; k++)
			if (same_fields(
				r[i].fields, r[i].n, r[k].fields, r[k].n))
				return refuse_same(d, "/references", i, k);
	}
	return true;
}

static bool declare_unique(struct declaration *d, struct jsonslice v)
{
	char pointer[32];
	if (jsonslice_kind(v) != JSONSLICE_ARRAY)
		return declare_refuse(d, "/unique",
		    "must be an array of arrays of names: [[\"email\"]]");
	struct jsonslice_element e = jsonslice_elements(v);
	for (size_t i = 0; jsonslice_each(&e); i++) {
		snprintf(pointer, sizeof pointer, "/unique/%zu", i);
		if (!declare_unique_one(d, pointer, e.value))
			return false;
	}
	return true;
}

/* --- references ---------------------------------------------------------- */

static bool declare_reference_field(struct declaration *d, const char *pointer,
    struct reference *r, struct jsonslice name)
{
	return declare_take_named(
	    d, pointer, r->fields, &r->n, COLLECTION_KEY_PARTS, name);
}

/* The reference that is taken next. NULL: there is no room; refused. */
static struct reference *next_reference(struct declaration *d)
{
	struct collection *c = &d->collection;
	if (c->nreferences < COLLECTION_FIELDS)
		return &d->references[c->nreferences++];
	declare_refuse(d, "/references", "has more than %d entries",
	    (int)COLLECTION_FIELDS);
	return NULL;
}

static bool declare_refers_to(struct declaration *d, const char *pointer,
    struct reference *r, struct jsonslice to)
{
	if (jsonslice_kind(to) != JSONSLICE_STRING)
		return declare_refuse(
		    d, pointer, "must be the name of a collection");
	r->collection = declare_string(d, to);
	return true;
}

/* "customer_id": "customers" */
static bool declare_short_reference(
    struct declaration *d, struct jsonslice name, struct jsonslice to)
{
	char pointer[128];
	struct reference *r = next_reference(d);
	snprintf(pointer, sizeof pointer, "/references/%.*s",
	    name.len > 62 ? 60 : (int)name.len - 2, name.s + 1);
	return r && declare_reference_field(d, pointer, r, name) &&
	       declare_refers_to(d, pointer, r, to);
}

/* {"fields": ["order_id", "line_no"], "collection": "order_lines"} */
static bool declare_reference(
    struct declaration *d, size_t i, struct jsonslice v)
{
	enum { FIELDS_OF, TO, MEMBERS };
	static const char *const names[MEMBERS] = {"fields", "collection"};
	struct jsonslice p[MEMBERS] = {{0}};
	char at[64], fields[80], to[80];
	snprintf(at, sizeof at, "/references/%zu", i);
	snprintf(fields, sizeof fields, "%s/fields", at);
	snprintf(to, sizeof to, "%s/collection", at);
	struct reference *r = next_reference(d);
	if (r == NULL || !declare_parts(d, at, v, names, MEMBERS, p))
		return false;
	if (p[FIELDS_OF].s == NULL || p[TO].s == NULL)
		return declare_refuse(
		    d, at, "fields and collection are required");
	if (!declare_is_kind(d, fields, p[FIELDS_OF], JSONSLICE_ARRAY))
		return false;
	struct jsonslice_element e = jsonslice_elements(p[FIELDS_OF]);
	while (jsonslice_each(&e)) {
		if (!declare_reference_field(d, fields, r, e.value))
			return false;
	}
	return (r->n > 0 || declare_refuse(d, fields, "must not be empty")) &&
	       declare_refers_to(d, to, r, p[TO]);
}

static bool declare_references(struct declaration *d, struct jsonslice v)
{
	if (jsonslice_kind(v) == JSONSLICE_ARRAY) {
		struct jsonslice_element e = jsonslice_elements(v);
		for (size_t i = 0; jsonslice_each(&e); i++) {
			if (!declare_reference(d, i, e.value))
				return false;
		}
		return true;
	}
	if (jsonslice_kind(v) != JSONSLICE_OBJECT)
		return declare_refuse(d, "/references",
		    "must be an object: the name of a field, and that of a "
		    "collection; or an array of objects with fields and "
		    "collection");
	struct jsonslice_member m = jsonslice_members(v);
	while (jsonslice_next(&m)) {
		if (!declare_short_reference(d, m.name, m.value))
			return false;
	}
	return true;
}

/* --- when all collections are known --------------------------------------- */

/* The place: the names of the fields, as in the name of the constraint. */
static struct err reference_refuse(const struct collection *c,
    const struct reference *r, const struct buf *why)
{
	struct buf at = {0};
	for (size_t i = 0; i < r->n; i++)
		buf_printf(&at, "%s%s", i ? "," : "", r->fields[i]->name);
	struct err e = err_make(ERR_KIND_FATAL, "collections",
	    "%s: /references/%s: %s", c->name, at.data, why->data);
	buf_free(&at);
	return e;
}

/* What the i-th value of the key is in PostgreSQL. */
static enum column_type reference_column(const struct collection *to, size_t i)
{
	return to->nparts ? to->parts[i]->column : key_column(to);
}

static bool same_enum(const struct field *a, const struct field *b)
{
	return strcmp(a->enum_schema, b->enum_schema) == 0 &&
	       strcmp(a->enum_type, b->enum_type) == 0;
}

/* Integers of different sizes are compared as they are. */
static bool same_type(
    const struct field *f, const struct collection *to, size_t i)
{
	enum column_type column = reference_column(to, i);
	if (f->column == COLUMN_ENUM && column == COLUMN_ENUM)
		return same_enum(f, to->parts[i]);
	return f->column == column ||
	       (column_is_integer(f->column) && column_is_integer(column));
}

static void check_types(
    struct buf *why, const struct reference *r, const struct collection *to)
{
	for (size_t i = 0; i < r->n && why->len == 0; i++) {
		const struct field *f = r->fields[i];
		if (same_type(f, to, i))
			continue;
		buf_printf(why, "the field %s%sis %s, and ",
		    r->n > 1 ? f->name : "", r->n > 1 ? " " : "",
		    column_type_name(f->column));
		if (to->nparts)
			buf_printf(why, "%s in ", to->parts[i]->name);
		buf_printf(why, "the key of %s is %s", to->name,
		    column_type_name(reference_column(to, i)));
	}
}

struct err declare_check_reference(const struct collection *c,
    const struct reference *r, const struct collection *to)
{
	struct buf why = {0};
	struct err e = ERR_OK;
	size_t needed = to && to->nparts ? to->nparts : 1;
	if (to == NULL)
		buf_printf(&why, "there is no collection %s", r->collection);
	else if (to->expires) /* its documents go, whoever refers to them */
		buf_printf(&why,
		    "the documents of %s expire, so no field can refer to them",
		    to->name);
	else if (r->n != needed)
		buf_printf(&why,
		    "the key of %s has %zu field%s, and the reference has %zu",
		    to->name, needed, needed > 1 ? "s" : "", r->n);
	else
		check_types(&why, r, to);
	if (why.len)
		e = reference_refuse(c, r, &why);
	buf_free(&why);
	return e;
}

bool declare_constraints(
    struct declaration *d, struct jsonslice unique, struct jsonslice references)
{
	return (unique.s == NULL || declare_unique(d, unique)) &&
	       (references.s == NULL || declare_references(d, references)) &&
	       check_twice(d);
}
