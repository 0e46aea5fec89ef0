#include "api/openapi/json_schema.h"

#include <string.h>

/* --- fields -------------------------------------------------------------- */

/* Writes `enum` for a field that may be null. */
static void choices(struct jsonout *j, struct jsonslice array)
{
	struct jsonslice_element e = jsonslice_elements(array);
	jsonout_open(j, "enum", '[');
	while (jsonslice_each(&e))
		jsonout_raw(j, NULL, e.value);
	jsonout_raw(j, NULL, (struct jsonslice){"null", 4});
	jsonout_close(j, ']');
}

static void keyword(struct jsonout *j, const char *name, struct jsonslice v)
{
	if (v.s)
		jsonout_raw(j, name, v);
}

static void type(struct jsonout *j, const char *name, bool nullable)
{
	if (!nullable) {
		jsonout_string(j, "type", name);
		return;
	}
	jsonout_open(j, "type", '[');
	jsonout_string(j, NULL, name);
	jsonout_string(j, NULL, "null");
	jsonout_close(j, ']');
}

/* Writes an enumeration of fractions within a condition that is always true.
 * Client generators drop fields with such an enumeration, but do not look into
 * a condition. For a validator this means the same. */
static void fractions(struct jsonout *j, const struct field *f, bool nullable)
{
	jsonout_raw(j, "if", (struct jsonslice){"true", 4});
	jsonout_open(j, "then", '{');
	type(j, field_type_name(f->type), nullable);
	if (nullable)
		choices(j, f->choices);
	else
		jsonout_raw(j, "enum", f->choices);
	jsonout_close(j, '}');
}

/* A number, or null, as documents have it. */
static void quoted(struct jsonout *j, const char *name, struct jsonslice v)
{
	struct buf b = {0};
	if (jsonslice_kind(v) != JSONSLICE_NUMBER) {
		jsonout_raw(j, name, v);
		return;
	}
	buf_add(&b, v.s, v.len);
	jsonout_string(j, name, b.data);
	buf_free(&b);
}

static void bounds(struct jsonout *j, const struct field *f, bool nullable)
{
	if (f->has_min_length)
		jsonout_int(j, "minLength", (int64_t)f->min_length);
	if (field_max_length(f) != SIZE_MAX)
		jsonout_int(j, "maxLength", (int64_t)field_max_length(f));
	keyword(j, "pattern", f->expression);
	keyword(j, "minimum", f->minimum);
	keyword(j, "exclusiveMinimum", f->exclusive_minimum);
	keyword(j, "maximum", f->maximum);
	if (f->choices.s && f->type == FIELD_NUMBER)
		fractions(j, f, nullable);
	else if (f->choices.s && nullable)
		choices(j, f->choices);
	else
		keyword(j, "enum", f->choices);
}

/* A number of any digits, as its text. */
static void string_of_number(
    struct jsonout *j, const struct field *f, bool nullable, bool enumerated)
{
	bool integer = f->type == FIELD_INTEGER;
	jsonout_string(j, "format", integer ? "int64" : "decimal");
	jsonout_string(j, "pattern",
	    integer ? "^-?(0|[1-9][0-9]*)$" : "^-?[0-9]+(\\.[0-9]+)?$");
	/* 0.5 and 0.50 are equal numbers, but not equal strings. */
	if (!enumerated || !integer || f->choices.s == NULL)
		return;
	struct jsonslice_element e = jsonslice_elements(f->choices);
	jsonout_open(j, "enum", '[');
	while (jsonslice_each(&e))
		quoted(j, NULL, e.value);
	if (nullable)
		jsonout_raw(j, NULL, (struct jsonslice){"null", 4});
	jsonout_close(j, ']');
}

/* What is within objects and arrays. In a merge patch, the members of an object
 * are members of a patch, too; an array is whole. */
static void json_schema_within(
    struct jsonout *j, const struct field *f, bool patch);

static void nested_schema(
    struct jsonout *j, const char *name, const struct field *f, bool patch)
{
	bool nullable = f->nullable || (patch && !f->required);
	jsonout_open(j, name, '{');
	type(j, field_type_name(f->type), nullable);
	keyword(j, "description", f->description);
	if (f->type == FIELD_INTEGER)
		jsonout_string(j, "format", "int64");
	json_schema_within(j, f, patch);
	bounds(j, f, nullable);
	jsonout_close(j, '}');
}

static void object_within(struct jsonout *j, const struct field *f, bool patch)
{
	size_t required = 0;
	if (f->nmembers) {
		jsonout_open(j, "properties", '{');
		for (size_t i = 0; i < f->nmembers; i++) {
			nested_schema(
			    j, f->members[i].name, &f->members[i], patch);
			required += f->members[i].required;
		}
		jsonout_close(j, '}');
	}
	if (required && !patch) {
		jsonout_open(j, "required", '[');
		for (size_t i = 0; i < f->nmembers; i++) {
			if (f->members[i].required)
				jsonout_string(j, NULL, f->members[i].name);
		}
		jsonout_close(j, ']');
	}
	/* Without it, some generators take the object for an empty one. */
	jsonout_bool(j, "additionalProperties", !f->closed);
}

static void json_schema_within(
    struct jsonout *j, const struct field *f, bool patch)
{
	if (f->type == FIELD_OBJECT)
		object_within(j, f, patch);
	else if (f->elements)
		nested_schema(j, "items", f->elements, false);
	else if (f->type == FIELD_ARRAY && !f->items)
		jsonout_raw(j, "items", (struct jsonslice){"{}", 2});
	if (f->has_max_items)
		jsonout_int(j, "maxItems", (int64_t)f->max_items);
}

/* A default that is made for each document is no JSON value. */
static void field_description(
    struct jsonout *j, const struct collection *c, const struct field *f)
{
	static const char *const made[] = {
	    [GENERATED_NOW] = "If it is left out, it is the time of the write.",
	    [GENERATED_UUID] = "If it is left out, it is a version 7 UUID.",
	};
	if (f == c->expires && f->description.s == NULL)
		jsonout_string(j, "description",
		    "From this time on, the document is absent.");
	else if (f->description.s || f->generated == GENERATED_NOT)
		keyword(j, "description", f->description);
	else
		jsonout_string(j, "description", made[f->generated]);
}

/* The bounds of a number do not apply to an increment of it. */
static void field_schema(struct jsonout *j, const struct collection *c,
    const struct field *f, enum json_schema_of of)
{
	bool nullable = of == JSON_SCHEMA_PARTIAL ||
			(of != JSON_SCHEMA_INCREMENT &&
			    (f->nullable || (of == JSON_SCHEMA_PATCH &&
						field_has_default(f))));
	jsonout_open(j, f->name, '{');
	type(j, f->json_string ? "string" : field_type_name(f->type), nullable);
	field_description(j, c, f);
	if (f->json_string)
		string_of_number(j, f, nullable, of != JSON_SCHEMA_INCREMENT);
	else if (f->format != FORMAT_NONE)
		jsonout_string(j, "format", format_name(f->format));
	else if (f->type == FIELD_INTEGER)
		jsonout_string(j, "format", "int64");
	if (f->items)
		field_schema(j, c, f->items, JSON_SCHEMA_DOCUMENT);
	json_schema_within(
	    j, f, of == JSON_SCHEMA_PATCH || of == JSON_SCHEMA_PARTIAL);
	if (of != JSON_SCHEMA_INCREMENT && !f->json_string)
		bounds(j, f, nullable);
	if (f->read_only)
		jsonout_bool(j, "readOnly", true);
	bool whole = of == JSON_SCHEMA_NEW || of == JSON_SCHEMA_PUT;
	if (whole && f->otherwise.s && f->json_string)
		quoted(j, "default", f->otherwise);
	else if (whole)
		keyword(j, "default", f->otherwise);
	jsonout_close(j, '}');
}

/* --- the key ------------------------------------------------------------- */

static void key_keywords(struct jsonout *j, const struct collection *c)
{
	switch (c->key) {
	case KEY_STRING:
	case KEY_PARTS:
		jsonout_string(j, "type", "string");
		jsonout_int(j, "minLength", 1);
		jsonout_int(j, "maxLength", COLLECTION_KEY_MAX);
		return;
	case KEY_INTEGER:
		jsonout_string(j, "type", "integer");
		jsonout_string(j, "format",
		    c->key_format ? format_name(c->key_format) : "int64");
		return;
	case KEY_UUIDV7:
		jsonout_string(j, "type", "string");
		jsonout_string(j, "format", "uuid");
		return;
	}
}

void json_schema_key(
    struct jsonout *j, const char *name, const struct collection *c)
{
	jsonout_open(j, name, '{');
	key_keywords(j, c);
	jsonout_close(j, '}');
}

/* --- the whole ----------------------------------------------------------- */

static void time_schema(struct jsonout *j, const char *name)
{
	jsonout_open(j, name, '{');
	jsonout_string(j, "type", "string");
	jsonout_string(j, "format", "date-time");
	jsonout_close(j, '}');
}

static void plain(struct jsonout *j, const char *name, const char *type_name)
{
	jsonout_open(j, name, '{');
	jsonout_string(j, "type", type_name);
	jsonout_close(j, '}');
}

static bool is_document(enum json_schema_of of)
{
	return of == JSON_SCHEMA_DOCUMENT || of == JSON_SCHEMA_CACHED;
}

static bool is_read(enum json_schema_of of)
{
	return is_document(of) || of == JSON_SCHEMA_PART;
}

static bool has(
    const struct collection *c, const struct field *f, enum json_schema_of of)
{
	if (f == c->updated_by || f->read_only)
		return is_read(of);
	return of != JSON_SCHEMA_INCREMENT ||
	       (field_is_number(f) && !f->in_key);
}

static void properties(
    struct jsonout *j, const struct collection *c, enum json_schema_of of)
{
	jsonout_open(j, "properties", '{');
	if (c->nparts == 0 && (is_read(of) || of == JSON_SCHEMA_NEW))
		json_schema_key(j, c->key_name, c);
	for (size_t i = 0; i < c->nfields; i++) {
		if (has(c, &c->fields[i], of))
			field_schema(j, c, &c->fields[i], of);
	}
	if (is_read(of) && c->table.times) {
		time_schema(j, "created_at");
		time_schema(j, "updated_at");
	}
	if (of == JSON_SCHEMA_CACHED)
		plain(j, "cached", "boolean");
	jsonout_close(j, '}');
}

/* Every column of a row has a value, so a document that is read has all
 * members. */
static void required(
    struct jsonout *j, const struct collection *c, enum json_schema_of of)
{
	bool all = is_document(of);
	jsonout_open(j, "required", '[');
	if (all && c->nparts == 0)
		jsonout_string(j, NULL, c->key_name);
	for (size_t i = 0; i < c->nfields; i++) {
		const struct field *f = &c->fields[i];
		bool given = f->in_key && of == JSON_SCHEMA_PUT;
		if (all || (f->required && !given))
			jsonout_string(j, NULL, c->fields[i].name);
	}
	if (all && c->table.times) {
		jsonout_string(j, NULL, "created_at");
		jsonout_string(j, NULL, "updated_at");
	}
	if (of == JSON_SCHEMA_CACHED)
		jsonout_string(j, NULL, "cached");
	jsonout_close(j, ']');
}

static const struct {
	const char *suffix, *what;
} kinds[JSON_SCHEMA_KINDS] = {
    [JSON_SCHEMA_DOCUMENT] = {"_document", "A document, as it is read."},
    [JSON_SCHEMA_NEW] = {"_new",
	"A document to create. A key that it does not name is generated."},
    [JSON_SCHEMA_PUT] = {"_put", "A document to store under its key."},
    [JSON_SCHEMA_PATCH] = {"_patch",
	"A merge patch (RFC 7396): the named fields are changed; null sets a "
	"field to null, or to its default."},
    [JSON_SCHEMA_INCREMENT] = {"_increment",
	"The number is added to each named field."},
    [JSON_SCHEMA_PART] = {"_part", "A document, as it is read with select."},
    [JSON_SCHEMA_READ] = {"_read", "A document; with select, a part of it."},
    [JSON_SCHEMA_PAGE] = {"_page",
	"Documents, in order; with select, parts of them."},
    [JSON_SCHEMA_LIST] = {"_list", "Documents, in order."},
    [JSON_SCHEMA_CREATE] = {"_create", "A document, or many."},
    [JSON_SCHEMA_WRITTEN] = {"_written",
	"The outcome of the write; with return=representation, the document."},
    [JSON_SCHEMA_CREATED] = {"_created",
	"The outcome of the write, or of each write; with "
	"return=representation, the document."},
    [JSON_SCHEMA_CACHED] = {"_cached",
	"A document, and whether a cache had it."},
    [JSON_SCHEMA_ALL] = {"_all",
	"Documents, each with whether a cache had it."},
    [JSON_SCHEMA_PARTIAL] = {"_partial",
	"The fields to change; null is the same as leaving the field out."},
    [JSON_SCHEMA_ANSWER] = {"_answer", "A document, and where it came from."},
    [JSON_SCHEMA_ANSWERS] = {"_answers",
	"Documents, and where they came from."},
};

const char *json_schema_suffix(enum json_schema_of of)
{
	return kinds[of].suffix;
}

static bool has_number(const struct collection *c)
{
	for (size_t i = 0; i < c->nfields; i++) {
		if (has(c, &c->fields[i], JSON_SCHEMA_INCREMENT))
			return true;
	}
	return false;
}

bool json_schema_exists(const struct collection *c, enum json_schema_of of)
{
	switch (of) {
	case JSON_SCHEMA_INCREMENT:
		return has_number(c);
	case JSON_SCHEMA_CACHED:
	case JSON_SCHEMA_ALL:
	case JSON_SCHEMA_PARTIAL:
		return strcmp(c->name, "posts") == 0;
	case JSON_SCHEMA_LIST: /* in the answers, and nowhere else */
	case JSON_SCHEMA_ANSWER:
	case JSON_SCHEMA_ANSWERS:
		return strcmp(c->name, "products") == 0;
	case JSON_SCHEMA_DOCUMENT:
	case JSON_SCHEMA_NEW:
	case JSON_SCHEMA_PUT:
	case JSON_SCHEMA_PATCH:
	case JSON_SCHEMA_PART:
	case JSON_SCHEMA_READ:
	case JSON_SCHEMA_PAGE:
	case JSON_SCHEMA_CREATE:
	case JSON_SCHEMA_WRITTEN:
	case JSON_SCHEMA_CREATED:
	case JSON_SCHEMA_KINDS:
		break;
	}
	return true;
}

static void of_collection(struct jsonout *j, const char *name,
    const struct collection *c, enum json_schema_of of)
{
	jsonout_ref(j, name, "schemas", c->name, json_schema_suffix(of));
}

static void json_schema_list(
    struct jsonout *j, const struct collection *c, enum json_schema_of item)
{
	jsonout_string(j, "type", "array");
	of_collection(j, "items", c, item);
}

static void json_schema_outcome(
    struct jsonout *j, const struct collection *c, enum json_schema_of of)
{
	jsonout_open(j, "anyOf", '[');
	jsonout_ref(j, NULL, "schemas", "", "receipt");
	of_collection(j, NULL, c, JSON_SCHEMA_DOCUMENT);
	if (of == JSON_SCHEMA_CREATED)
		jsonout_ref(j, NULL, "schemas", "", "results");
	jsonout_close(j, ']');
}

static void json_schema_answer(
    struct jsonout *j, const struct collection *c, enum json_schema_of of)
{
	const char *name = of == JSON_SCHEMA_ANSWER ? "product" : "products";
	jsonout_string(j, "type", "object");
	jsonout_open(j, "properties", '{');
	if (of == JSON_SCHEMA_ANSWER)
		of_collection(j, name, c, JSON_SCHEMA_DOCUMENT);
	else
		of_collection(j, name, c, JSON_SCHEMA_LIST);
	jsonout_ref(j, "source", "schemas", "", "source");
	jsonout_ref(j, "response_time", "schemas", "", "seconds");
	jsonout_close(j, '}');
	jsonout_open(j, "required", '[');
	jsonout_string(j, NULL, name);
	jsonout_string(j, NULL, "source");
	jsonout_string(j, NULL, "response_time");
	jsonout_close(j, ']');
	jsonout_bool(j, "additionalProperties", false);
}

static void one_or_many(struct jsonout *j, const struct collection *c)
{
	jsonout_open(j, "anyOf", '[');
	of_collection(j, NULL, c, JSON_SCHEMA_NEW);
	jsonout_open(j, NULL, '{');
	json_schema_list(j, c, JSON_SCHEMA_NEW);
	jsonout_close(j, '}');
	jsonout_close(j, ']');
}

static void whole_or_part(struct jsonout *j, const struct collection *c)
{
	jsonout_open(j, "anyOf", '[');
	of_collection(j, NULL, c, JSON_SCHEMA_DOCUMENT);
	of_collection(j, NULL, c, JSON_SCHEMA_PART);
	jsonout_close(j, ']');
}

static void object(
    struct jsonout *j, const struct collection *c, enum json_schema_of of)
{
	jsonout_string(j, "type", "object");
	properties(j, c, of);
	if (of != JSON_SCHEMA_PATCH && of != JSON_SCHEMA_PARTIAL &&
	    of != JSON_SCHEMA_INCREMENT && of != JSON_SCHEMA_PART)
		required(j, c, of);
	if (of == JSON_SCHEMA_INCREMENT)
		jsonout_int(j, "minProperties", 1);
	jsonout_raw(j, "additionalProperties", (struct jsonslice){"false", 5});
}

void json_schema_write(struct jsonout *j, const char *name,
    const struct collection *c, enum json_schema_of of)
{
	jsonout_open(j, name, '{');
	jsonout_string(j, "description", kinds[of].what);
	if (of == JSON_SCHEMA_LIST || of == JSON_SCHEMA_ALL)
		json_schema_list(j, c,
		    of == JSON_SCHEMA_ALL ? JSON_SCHEMA_CACHED
					  : JSON_SCHEMA_DOCUMENT);
	else if (of == JSON_SCHEMA_PAGE)
		json_schema_list(j, c, JSON_SCHEMA_READ);
	else if (of == JSON_SCHEMA_READ)
		whole_or_part(j, c);
	else if (of == JSON_SCHEMA_CREATE)
		one_or_many(j, c);
	else if (of == JSON_SCHEMA_WRITTEN || of == JSON_SCHEMA_CREATED)
		json_schema_outcome(j, c, of);
	else if (of == JSON_SCHEMA_ANSWER || of == JSON_SCHEMA_ANSWERS)
		json_schema_answer(j, c, of);
	else
		object(j, c, of);
	jsonout_close(j, '}');
}
