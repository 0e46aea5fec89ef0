/* Which fields must be unique together, and which ones are keys of other
 * documents. Whether the other collections exist is checked when all of them
 * are known (common/schema/collection.c).
 */
#include "common/schema/declare_priv.h"

#include <stdio.h>
#include <string.h>

/* --- unique -------------------------------------------------------------- */

static bool declare_unique_field(struct declaration *d, const char *pointer,
    struct unique *u, struct jsonslice name)
{
	struct collection *c = &d->collection;
	size_t i = c->nfields;
	if (jsonslice_kind(name) == JSONSLICE_STRING)
		i = collection_field(c, name);
	if (i == c->nfields)
		return declare_refuse(d, pointer, "%.*s is not a field",
		    name.len > 60 ? 60 : (int)name.len, name.s);
	for (size_t k = 0; k < u->n; k++) {
		if (u->fields[k] == &c->fields[i])
			return declare_refuse(
			    d, pointer, "has %s twice", c->fields[i].name);
	}
	if (u->n == COLLECTION_UNIQUE_FIELDS)
		return declare_refuse(d, pointer, "has more than %d fields",
		    COLLECTION_UNIQUE_FIELDS);
	u->fields[u->n++] = &c->fields[i];
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
		if (!declare_unique_field(d, pointer, u, e.value))
			return false;
	}
	return u->n > 0 || declare_refuse(d, pointer, "must not be empty");
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

static bool declare_reference(
    struct declaration *d, struct jsonslice name, struct jsonslice to)
{
	struct collection *c = &d->collection;
	size_t i = collection_field(c, name);
	char pointer[128];
	snprintf(pointer, sizeof pointer, "/references/%.*s",
	    name.len > 62 ? 60 : (int)name.len - 2, name.s + 1);
	if (i == c->nfields)
		return declare_refuse(d, pointer, "is not a field");
	if (jsonslice_kind(to) != JSONSLICE_STRING)
		return declare_refuse(
		    d, pointer, "must be the name of a collection");
	if (!declare_check_indexed(d, pointer, &c->fields[i]))
		return false;
	d->references[c->nreferences++] =
	    (struct reference){&c->fields[i], declare_string(d, to)};
	return true;
}

/* A member of an object appears once, so there is room. */
static bool declare_references(struct declaration *d, struct jsonslice v)
{
	if (jsonslice_kind(v) != JSONSLICE_OBJECT)
		return declare_refuse(d, "/references",
		    "must be an object: the name of a field, and that of a "
		    "collection");
	struct jsonslice_member m = jsonslice_members(v);
	while (jsonslice_next(&m)) {
		if (!declare_reference(d, m.name, m.value))
			return false;
	}
	return true;
}

bool declare_constraints(
    struct declaration *d, struct jsonslice unique, struct jsonslice references)
{
	return (unique.s == NULL || declare_unique(d, unique)) &&
	       (references.s == NULL || declare_references(d, references));
}
