/* Where the documents are: the table, and its columns whose names differ from
 * those in documents; and the names that fields had before.
 */
#include "common/schema/declare_priv.h"

#include <stdio.h>
#include <string.h>

enum { IDENTIFIER_MOST = 63 }; /* bytes, of PostgreSQL */

/* --- the table ----------------------------------------------------------- */

static bool is_identifier(size_t len)
{
	return len > 0 && len <= IDENTIFIER_MOST;
}

/* The string lives as long as the declaration, so its parts may, too. */
bool declare_qualified(struct declaration *d, const char *pointer,
    struct jsonslice v, const char **schema, const char **name)
{
	if (jsonslice_kind(v) != JSONSLICE_STRING)
		return declare_refuse(d, pointer, "must be a string");
	const char *text = declare_string(d, v);
	const char *dot = strchr(text, '.');
	size_t len = dot ? (size_t)(dot - text) : 0;
	*name = dot ? dot + 1 : text;
	*schema = "public";
	if ((dot && !is_identifier(len)) || !is_identifier(strlen(*name)))
		return declare_refuse(d, pointer,
		    "must be the name of a table or a type, or schema.name; "
		    "each "
		    "name has 1 to %d bytes",
		    (int)IDENTIFIER_MOST);
	if (dot == NULL)
		return true;
	char *own = d->names + d->used;
	memcpy(own, text, len);
	own[len] = '\0';
	d->used += len + 1;
	*schema = own;
	return true;
}

bool declare_table(
    struct declaration *d, struct jsonslice table, struct jsonslice times)
{
	struct table *t = &d->collection.table;
	*t = (struct table){.schema = "public",
	    .name = d->collection.name,
	    .times = true,
	    .created_at = "created_at",
	    .updated_at = "updated_at",
	    .version = "version"};
	if (times.s && jsonslice_kind(times) != JSONSLICE_BOOL)
		return declare_refuse(d, "/times", "must be true or false");
	t->times = times.s == NULL || *times.s == 't';
	t->foreign = table.s != NULL;
	return table.s == NULL ||
	       declare_qualified(d, "/table", table, &t->schema, &t->name);
}

/* --- columns ------------------------------------------------------------- */

/* Where the name of a member's column is kept; NULL: there is none. */
static const char **column_of(struct declaration *d, struct jsonslice name)
{
	struct collection *c = &d->collection;
	struct table *t = &c->table;
	size_t i = collection_field(c, name);
	if (i < c->nfields)
		return &d->fields[i].stored;
	if (c->key != KEY_PARTS &&
	    jsonslice_equals(name, c->key_name, strlen(c->key_name)))
		return &t->key;
	if (jsonslice_equals(name, "version", 7))
		return &t->version;
	if (t->times && jsonslice_equals(name, "created_at", 10))
		return &t->created_at;
	if (t->times && jsonslice_equals(name, "updated_at", 10))
		return &t->updated_at;
	return NULL;
}

static bool declare_take_column(
    struct declaration *d, struct jsonslice name, struct jsonslice v)
{
	char pointer[128];
	snprintf(pointer, sizeof pointer, "/columns/%.*s",
	    name.len > 62 ? 60 : (int)name.len - 2, name.s + 1);
	const char **column = column_of(d, name);
	if (column == NULL)
		return declare_refuse(d, pointer,
		    "is not the key, a field, version, created_at or "
		    "updated_at");
	if (jsonslice_kind(v) != JSONSLICE_STRING)
		return declare_refuse(
		    d, pointer, "must be the name of a column");
	*column = declare_string(d, v);
	if (!is_identifier(strlen(*column)))
		return declare_refuse(d, pointer,
		    "must be a name of 1 to %d bytes", (int)IDENTIFIER_MOST);
	return !declare_is_system(*column) ||
	       declare_refuse(
		   d, pointer, "is a column that PostgreSQL keeps for itself");
}

/* The i-th column of the table; NULL past the last. */
static const char *column_at(const struct collection *c, size_t i)
{
	const struct table *t = &c->table;
	const char *const own[] = {
	    t->version, t->key, t->created_at, t->updated_at};
	size_t n = t->times ? 4 : 2;
	if (i < n)
		return own[i] ? own[i] : "";
	return i - n < c->nfields ? c->fields[i - n].stored : NULL;
}

static bool check_columns(struct declaration *d)
{
	const struct collection *c = &d->collection;
	const char *a, *b;
	for (size_t i = 0; (a = column_at(c, i)) != NULL; i++) {
		for (size_t k = i + 1; (b = column_at(c, k)) != NULL; k++) {
			if (strcmp(a, b) == 0)
				return declare_refuse(d, "/columns",
				    "the column %s has two meanings", a);
		}
	}
	return true;
}

bool declare_columns(struct declaration *d, struct jsonslice v)
{
	struct collection *c = &d->collection;
	c->table.key = c->key == KEY_PARTS ? NULL : c->key_name;
	for (size_t i = 0; i < c->nfields; i++)
		d->fields[i].stored = d->fields[i].name;
	if (v.s == NULL)
		return true;
	if (jsonslice_kind(v) != JSONSLICE_OBJECT)
		return declare_refuse(d, "/columns",
		    "must be an object: the name of a field, and that of its "
		    "column");
	struct jsonslice_member m = jsonslice_members(v);
	while (jsonslice_next(&m)) {
		if (!declare_take_column(d, m.name, m.value))
			return false;
	}
	return check_columns(d);
}

/* --- former names -------------------------------------------------------- */

/* Of the key, the version or the times: such a column is no field's. */
static bool is_own_column(const struct table *t, const char *name)
{
	return (t->key && strcmp(t->key, name) == 0) ||
	       strcmp(t->version, name) == 0 ||
	       (t->times && (strcmp(t->created_at, name) == 0 ||
				strcmp(t->updated_at, name) == 0));
}

bool declare_check_was(struct declaration *d, const struct field *f)
{
	const struct collection *c = &d->collection;
	const char *was = f->was;
	char pointer[128];
	snprintf(pointer, sizeof pointer, "/fields/%s/was", f->name);
	if (was == NULL)
		return true;
	if (strcmp(was, f->name) == 0)
		return declare_refuse(d, pointer, "is the name of the field");
	if (declare_is_taken(d, was) ||
	    (c->nparts == 0 && strcmp(was, c->key_name) == 0) ||
	    is_own_column(&c->table, was))
		return declare_refuse(d, pointer,
		    "is the key, or a name that every document or table has");
	if (f->in_key)
		return declare_refuse(
		    d, pointer, "does not apply to a part of the key");
	for (size_t i = 0; i < c->nfields; i++) {
		const struct field *other = &c->fields[i];
		if (other == f)
			continue;
		if (strcmp(was, other->name) == 0)
			return declare_refuse(d, pointer,
			    "is the name of another field: no two fields can "
			    "mean %s",
			    was);
		if (strcmp(was, other->stored) == 0)
			return declare_refuse(d, pointer,
			    "is the column of the field %s", other->name);
		if (other->was && strcmp(was, other->was) == 0)
			return declare_refuse(d, pointer,
			    "is what the field %s was, too", other->name);
	}
	return true;
}
