/* Who may do what with a collection, and whose its documents are. */
#include "common/access/claims.h"
#include "common/schema/declare_priv.h"

#include <stdio.h>
#include <string.h>

/* --- access -------------------------------------------------------------- */

/* Takes a name of a role; `at` is its place. */
static bool declare_access_role(
    struct declaration *d, const char *pointer, const char *name, role_set *set)
{
	if (!role_name_valid(name, strlen(name)))
		return declare_refuse(d, pointer,
		    "%.63s is not a role: a lower-case letter, then lower-case "
		    "letters, digits, _ and -, at most 63",
		    name);
	return roles_grant(set, name, strlen(name)) ||
	       declare_refuse(d, pointer, "there are more than 64 roles");
}

static bool declare_access_verb(struct declaration *d, const char *pointer,
    struct jsonslice v, role_set role)
{
	struct collection *c = &d->collection;
	enum verb verb;
	const char *name =
	    jsonslice_kind(v) == JSONSLICE_STRING ? declare_string(d, v) : "";
	if (!verb_find(name, strlen(name), &verb) ||
	    verb_scope(verb) != VERB_COLLECTION)
		return declare_refuse(d, pointer,
		    "has an element that is none of read, list, export, "
		    "changes, create, update, delete, bulk");
	if (c->grants[verb] & role)
		return declare_refuse(d, pointer, "has %s twice", name);
	c->grants[verb] |= role;
	return true;
}

static bool declare_access_grant(
    struct declaration *d, const char *name, struct jsonslice verbs)
{
	char pointer[96];
	role_set role = 0;
	snprintf(pointer, sizeof pointer, "/access/%.63s", name);
	if (!declare_access_role(d, "/access", name, &role))
		return false;
	if (jsonslice_kind(verbs) != JSONSLICE_ARRAY)
		return declare_refuse(d, pointer, "must be an array of verbs");
	struct jsonslice_element e = jsonslice_elements(verbs);
	while (jsonslice_each(&e)) {
		if (!declare_access_verb(d, pointer, e.value, role))
			return false;
	}
	return true;
}

static bool declare_grants(struct declaration *d, struct jsonslice v)
{
	if (jsonslice_kind(v) != JSONSLICE_OBJECT)
		return declare_refuse(d, "/access", "must be an object");
	struct jsonslice_member m = jsonslice_members(v);
	while (jsonslice_next(&m)) {
		if (!declare_access_grant(
			d, declare_string(d, m.name), m.value))
			return false;
	}
	return true;
}

/* --- owner --------------------------------------------------------------- */

static bool owner_take_field(struct declaration *d, struct jsonslice v)
{
	struct collection *c = &d->collection;
	size_t i = jsonslice_kind(v) == JSONSLICE_STRING
		       ? collection_field(c, v)
		       : c->nfields;
	if (i == c->nfields)
		return declare_refuse(
		    d, "/owner/field", "must be the name of a field");
	c->owner.field = &c->fields[i];
	if (c->owner.field->column != COLUMN_TEXT &&
	    c->owner.field->column != COLUMN_UUID)
		return declare_refuse(d, "/owner/field",
		    "%s is not a string without a columnType: claims are "
		    "strings",
		    c->owner.field->name);
	return true;
}

static bool owner_take_claim(struct declaration *d, struct jsonslice v)
{
	if (jsonslice_kind(v) != JSONSLICE_STRING)
		return declare_refuse(d, "/owner/claim", "must be a string");
	const char *name = declare_string(d, v);
	size_t len = strlen(name);
	if (len == 0 || len > 63)
		return declare_refuse(
		    d, "/owner/claim", "must have 1 to 63 bytes");
	return claims_add(name, len, &d->collection.owner.claim) ||
	       declare_refuse(d, "/owner/claim",
		   "the collections name more than %d claims", CLAIMS_MAX);
}

/* Does the declaration grant anything to the role? */
static bool has_grant(const struct collection *c, role_set role)
{
	for (int v = 0; v < VERB_COUNT; v++) {
		if (c->grants[v] & role)
			return true;
	}
	return false;
}

static bool owner_take_role(struct declaration *d, struct jsonslice v)
{
	struct collection *c = &d->collection;
	role_set role = 0;
	if (jsonslice_kind(v) != JSONSLICE_STRING)
		return declare_refuse(
		    d, "/owner/for", "must be an array of roles");
	const char *name = declare_string(d, v);
	if (strcmp(name, ROLE_ANONYMOUS) == 0)
		return declare_refuse(d, "/owner/for",
		    "anonymous has no claims, so it owns nothing");
	if (!declare_access_role(d, "/owner/for", name, &role))
		return false;
	c->owner.roles |= role;
	return has_grant(c, role) ||
	       declare_refuse(d, "/owner/for",
		   "/access grants nothing to the role %.63s", name);
}

static bool owner_take_roles(struct declaration *d, struct jsonslice v)
{
	if (jsonslice_kind(v) != JSONSLICE_ARRAY)
		return declare_refuse(
		    d, "/owner/for", "must be an array of roles");
	struct jsonslice_element e = jsonslice_elements(v);
	while (jsonslice_each(&e)) {
		if (!owner_take_role(d, e.value))
			return false;
	}
	return d->collection.owner.roles ||
	       declare_refuse(d, "/owner/for", "must not be empty");
}

/* Lists of an owner are filtered by the field, so it needs an index. */
static bool owner_check_list(struct declaration *d)
{
	const struct collection *c = &d->collection;
	role_set lists = c->grants[VERB_list] | c->grants[VERB_export];
	if (!(lists & c->owner.roles))
		return true;
	for (size_t i = 0; i < c->ncolumns; i++) {
		if (c->columns[i].field == c->owner.field &&
		    c->columns[i].filter)
			return true;
	}
	return declare_refuse(d, "/owner/field",
	    "%s must be in /list/filter, because a role of /owner/for may list "
	    "or export",
	    c->owner.field->name);
}

/* A create sets the field, which no write may do with such a one. */
static bool owner_check_create(struct declaration *d)
{
	const struct collection *c = &d->collection;
	const struct field *f = c->owner.field;
	if (!(c->grants[VERB_create] & c->owner.roles) ||
	    !(f->read_only || f == c->updated_by))
		return true;
	return declare_refuse(d, "/owner/field",
	    "a role of /owner/for may create, and no write can set %s",
	    f->name);
}

enum part { FIELD, CLAIM, FOR, PARTS };

static bool owner_find_parts(
    struct declaration *d, struct jsonslice v, struct jsonslice parts[PARTS])
{
	static const char *const names[] = {"field", "claim", "for"};
	if (!declare_parts(d, "/owner", v, names, PARTS, parts))
		return false;
	if (parts[FIELD].s == NULL)
		return declare_refuse(d, "/owner", "field is required");
	return parts[FOR].s || declare_refuse(d, "/owner", "for is required");
}

static bool declare_owner(struct declaration *d, struct jsonslice v)
{
	struct jsonslice p[PARTS] = {{0}};
	return owner_find_parts(d, v, p) && owner_take_field(d, p[FIELD]) &&
	       (p[CLAIM].s == NULL || owner_take_claim(d, p[CLAIM])) &&
	       owner_take_roles(d, p[FOR]) && owner_check_list(d) &&
	       owner_check_create(d);
}

bool declare_access(
    struct declaration *d, struct jsonslice access, struct jsonslice owner)
{
	return (access.s == NULL || declare_grants(d, access)) &&
	       (owner.s == NULL || declare_owner(d, owner));
}

/* --- updated_by ---------------------------------------------------------- */

/* A subject has at most 256 bytes. */
bool declare_updated_by(struct declaration *d, struct jsonslice v)
{
	static const char name[] = "updated_by";
	struct collection *c = &d->collection;
	if (jsonslice_kind(v) != JSONSLICE_BOOL)
		return declare_refuse(
		    d, "/updated_by", "must be true or false");
	if (*v.s == 'f')
		return true;
	for (size_t i = 0; i < c->nfields; i++) {
		if (strcmp(c->fields[i].name, name) == 0)
			return declare_refuse(d, "/fields/updated_by",
			    "is the field that /updated_by adds");
	}
	if (strcmp(c->key_name, name) == 0 || c->nfields == COLLECTION_FIELDS)
		return declare_refuse(
		    d, "/updated_by", "there is no room for the field");
	c->updated_by = &d->fields[c->nfields];
	d->fields[c->nfields++] = (struct field){.name = name,
	    .type = FIELD_STRING,
	    .column = COLUMN_TEXT,
	    .nullable = true,
	    .has_max_length = true,
	    .max_length = 256};
	return true;
}
