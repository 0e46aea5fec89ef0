/* All fields of a declaration: their names, which of them are required, which
 * ones are the key, and what each must be beside the others. One by one they
 * are taken by common/schema/declare_field.c.
 */
#include "common/schema/declare_priv.h"
#include "common/schema/key_parts.h"
#include "common/schema/nested.h"

#include <stdio.h>
#include <string.h>

bool declare_is_system(const char *name)
{
	static const char *const taken[] = {
	    "tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"};
	for (size_t i = 0; i < sizeof taken / sizeof *taken; i++) {
		if (strcmp(name, taken[i]) == 0)
			return true;
	}
	return false;
}

bool declare_is_taken(const struct declaration *d, const char *name)
{
	bool time =
	    strcmp(name, "created_at") == 0 || strcmp(name, "updated_at") == 0;
	return (time && d->collection.table.times) ||
	       strcmp(name, "version") == 0 || declare_is_system(name);
}

static bool take_field(
    struct declaration *d, struct jsonslice name, struct jsonslice v)
{
	struct collection *c = &d->collection;
	char pointer[128];
	struct field *f = &d->fields[c->nfields++];
	f->name = declare_string(d, name);
	snprintf(pointer, sizeof pointer, "/fields/%.100s", f->name);
	if (!declare_name(d, pointer, f->name))
		return false;
	if (declare_is_taken(d, f->name) || strcmp(f->name, c->key_name) == 0)
		return declare_refuse(
		    d, pointer, "the table has a column of that name already");
	return declare_keywords(d, f, pointer, 0, v);
}

bool declare_fields(struct declaration *d, struct jsonslice v)
{
	struct jsonslice_member m = jsonslice_members(v);
	bool good = true;
	while (jsonslice_next(&m)) {
		if (d->collection.nfields == COLLECTION_FIELDS)
			return declare_refuse(d, "/fields",
			    "more than %d fields", COLLECTION_FIELDS);
		good = take_field(d, m.name, m.value) && good;
	}
	return d->collection.nfields > 0
		   ? good
		   : declare_refuse(d, "/fields", "must not be empty");
}

bool declare_required(struct declaration *d, struct jsonslice v)
{
	if (jsonslice_kind(v) != JSONSLICE_ARRAY)
		return declare_refuse(d, "/required", "must be an array");
	struct jsonslice_element e = jsonslice_elements(v);
	while (jsonslice_each(&e)) {
		size_t i = d->collection.nfields;
		if (jsonslice_kind(e.value) == JSONSLICE_STRING)
			i = collection_field(&d->collection, e.value);
		if (i == d->collection.nfields)
			return declare_refuse(d, "/required",
			    "%.*s is not a field",
			    e.value.len > 60 ? 60 : (int)e.value.len,
			    e.value.s);
		if (&d->fields[i] == d->collection.updated_by)
			return declare_refuse(
			    d, "/required", "updated_by is set by the writer");
		if (d->fields[i].read_only)
			return declare_refuse(d, "/required",
			    "%s is readOnly: no document that is written has "
			    "it",
			    d->fields[i].name);
		if (d->fields[i].required)
			return declare_refuse(d, "/required",
			    "%s appears twice", d->fields[i].name);
		d->fields[i].required = true;
	}
	return true;
}

/* --- one column
 * ----------------------------------------------------------------- */

static bool take_key_type(
    struct declaration *d, const char *pointer, struct jsonslice v)
{
	if (!declare_is_kind(d, pointer, v, JSONSLICE_STRING))
		return false;
	for (int t = KEY_STRING; t < KEY_PARTS; t++) {
		const char *name = key_type_name((enum key_type)t);
		if (!jsonslice_equals(v, name, strlen(name)))
			continue;
		d->collection.key = (enum key_type)t;
		return true;
	}
	d->collection.key = KEY_UUIDV7;
	return jsonslice_equals(v, "uuid", 4) ||
	       declare_refuse(
		   d, pointer, "must be \"string\", \"integer\" or \"uuid\"");
}

/* Only integers have one. */
static bool take_key_format(
    struct declaration *d, const char *pointer, struct jsonslice v)
{
	struct collection *c = &d->collection;
	if (c->key != KEY_INTEGER)
		return declare_refuse(d, pointer, "is for the type integer");
	return (jsonslice_kind(v) == JSONSLICE_STRING &&
		   format_parse(
		       "integer", v.s + 1, v.len - 2, &c->key_format)) ||
	       declare_refuse(
		   d, pointer, "must be \"int64\", \"int32\" or \"int16\"");
}

/* The version of a UUID that is generated. */
static bool take_key_generate(
    struct declaration *d, const char *pointer, struct jsonslice v)
{
	if (d->collection.key != KEY_UUIDV7)
		return declare_refuse(d, pointer, "is for the type uuid");
	return (jsonslice_kind(v) == JSONSLICE_STRING &&
		   jsonslice_equals(v, "v7", 2)) ||
	       declare_refuse(d, pointer, "must be \"v7\"");
}

static bool take_key_name(
    struct declaration *d, const char *pointer, struct jsonslice v)
{
	if (!declare_is_kind(d, pointer, v, JSONSLICE_STRING))
		return false;
	d->collection.key_name = declare_string(d, v);
	if (!declare_name(d, pointer, d->collection.key_name))
		return false;
	return !declare_is_taken(d, d->collection.key_name) ||
	       declare_refuse(
		   d, pointer, "the table has a column of that name already");
}

bool declare_key(struct declaration *d, struct jsonslice v)
{
	enum { TYPE, NAME_OF, KEY_FORMAT, GENERATE, MEMBERS };
	static const char *const names[MEMBERS] = {
	    "type", "name", "format", "generate"};
	struct jsonslice p[MEMBERS] = {{0}};
	if (jsonslice_kind(v) == JSONSLICE_ARRAY) {
		d->collection.key = KEY_PARTS;
		return true; /* declare_key_parts */
	}
	if (!declare_parts(d, "/key", v, names, MEMBERS, p))
		return false;
	if (p[TYPE].s == NULL)
		return declare_refuse(d, "/key", "type is required");
	return take_key_type(d, "/key/type", p[TYPE]) &&
	       (!p[NAME_OF].s || take_key_name(d, "/key/name", p[NAME_OF])) &&
	       (!p[KEY_FORMAT].s ||
		   take_key_format(d, "/key/format", p[KEY_FORMAT])) &&
	       (!p[GENERATE].s ||
		   take_key_generate(d, "/key/generate", p[GENERATE]));
}

/* --- parts of the key ----------------------------------------------------- */

static bool take_part(struct declaration *d, struct jsonslice name)
{
	struct collection *c = &d->collection;
	size_t i = c->nfields;
	if (jsonslice_kind(name) == JSONSLICE_STRING)
		i = collection_field(c, name);
	if (i == c->nfields)
		return declare_refuse(d, "/key", "%.*s is not a field",
		    name.len > 60 ? 60 : (int)name.len, name.s);
	struct field *f = &d->fields[i];
	if (f->in_key)
		return declare_refuse(d, "/key", "has %s twice", f->name);
	if (!key_parts_may_be(f) || f == c->updated_by)
		return declare_refuse(d, "/key",
		    "%s cannot be a part of a key: a part is a string, an "
		    "integer or a boolean; of the formats of strings, it may "
		    "have date, date-time, date-time-local, time-local and "
		    "uuid",
		    f->name);
	if (f->json_string)
		return declare_refuse(d, "/key",
		    "%s has \"json\": a part of a key is no string of a "
		    "number",
		    f->name);
	if (f->nullable || f->read_only || field_has_default(f))
		return declare_refuse(d, "/key",
		    "%s is nullable, readOnly or has a default: every document "
		    "has a value of it, and clients send it",
		    f->name);
	if (c->nparts == COLLECTION_KEY_PARTS)
		return declare_refuse(d, "/key", "has more than %d parts",
		    (int)COLLECTION_KEY_PARTS);
	f->in_key = true;
	f->required = true;
	c->parts[c->nparts++] = f;
	return true;
}

bool declare_key_parts(struct declaration *d, struct jsonslice v)
{
	struct jsonslice_element e = jsonslice_elements(v);
	while (jsonslice_each(&e)) {
		if (!take_part(d, e.value))
			return false;
	}
	return d->collection.nparts > 1 ||
	       declare_refuse(d, "/key",
		   "must have at least two names of fields; a key of one "
		   "field is an object: {\"name\": …, \"type\": …}");
}

/* --- all of them --------------------------------------------------------- */

/* What is within a default conforms, too. */
static bool declare_refuse_within(
    void *arg, const char *pointer, const char *why)
{
	struct declaration *d = arg;
	struct buf at = {0};
	buf_printf(&at, "%s: %s", pointer, why);
	declare_refuse(d, "/fields", "the default of %s", at.data + 1);
	buf_free(&at);
	return false;
}

static bool check_default(struct declaration *d, const struct field *f)
{
	char pointer[128];
	snprintf(pointer, sizeof pointer, "/fields/%s", f->name);
	if (f->read_only)
		return !field_has_default(f) ||
		       declare_refuse(d, pointer,
			   "a readOnly field has no use for a default: the "
			   "database sets it");
	if (!field_has_default(f))
		return f->required || f->nullable ||
		       declare_refuse(d, pointer,
			   "an optional field must be nullable or have a "
			   "default");
	snprintf(pointer, sizeof pointer, "/fields/%s/default", f->name);
	if (f->required)
		return declare_refuse(
		    d, pointer, "a required field has no use for a default");
	if (f->generated != GENERATED_NOT)
		return true;
	unsigned faults = field_faults(f, f->otherwise);
	if (faults == 0)
		return nested_check(
		    f, f->otherwise, false, declare_refuse_within, d);
	struct buf why = {0};
	field_explain(
	    &why, f, f->otherwise, (enum field_fault)(faults & -faults));
	declare_refuse(d, pointer, "%s", why.data);
	buf_free(&why);
	return false;
}

bool declare_check_fields(struct declaration *d)
{
	bool good = true;
	for (size_t i = 0; i < d->collection.nfields; i++) {
		char pointer[128];
		snprintf(
		    pointer, sizeof pointer, "/fields/%s", d->fields[i].name);
		good = declare_bounds(d, pointer, &d->fields[i]) &&
		       check_default(d, &d->fields[i]) &&
		       declare_check_was(d, &d->fields[i]) && good;
	}
	return good;
}
