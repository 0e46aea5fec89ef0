#include "api/schema.h"

#include <string.h>

/* --- fields -------------------------------------------------------------- */

/* `enum`, where null is a value. */
static void choices(struct jsonout *j, struct jsonraw array)
{
	struct jsonraw_element e = jsonraw_elements(array);
	jsonout_open(j, "enum", '[');
	while (jsonraw_each(&e))
		jsonout_raw(j, NULL, e.value);
	jsonout_raw(j, NULL, (struct jsonraw){"null", 4});
	jsonout_close(j, ']');
}

static void keyword(struct jsonout *j, const char *name, struct jsonraw v)
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
	if (f->choices.s && nullable)
		choices(j, f->choices);
	else
		keyword(j, "enum", f->choices);
}

/* What is added to a number is not held to the number's bounds. */
static void field_schema(
    struct jsonout *j, const struct field *f, enum schema_of of)
{
	bool nullable = of != SCHEMA_INCREMENT &&
			(f->nullable || (of == SCHEMA_PATCH && f->otherwise.s));
	jsonout_open(j, f->name, '{');
	type(j, field_type_name(f->type), nullable);
	keyword(j, "description", f->description);
	if (f->format != FORMAT_NONE)
		jsonout_string(j, "format", format_name(f->format));
	if (f->type == FIELD_INTEGER)
		jsonout_string(j, "format", "int64");
	if (of != SCHEMA_INCREMENT)
		bounds(j, f, nullable);
	if (of == SCHEMA_NEW || of == SCHEMA_PUT)
		keyword(j, "default", f->otherwise);
	jsonout_close(j, '}');
}

static bool has(const struct field *f, enum schema_of of)
{
	return of != SCHEMA_INCREMENT || field_is_number(f);
}

/* --- the key ------------------------------------------------------------- */

static void key_keywords(struct jsonout *j, const struct collection *c)
{
	switch (c->key) {
	case KEY_STRING:
		jsonout_string(j, "type", "string");
		jsonout_int(j, "minLength", 1);
		jsonout_int(j, "maxLength", COLLECTION_KEY_MAX);
		return;
	case KEY_INTEGER:
		jsonout_string(j, "type", "integer");
		jsonout_string(j, "format", "int64");
		return;
	case KEY_UUIDV7:
		jsonout_string(j, "type", "string");
		jsonout_string(j, "format", "uuid");
		jsonout_string(j, "pattern", "^[0-9a-f-]{36}$");
		return;
	}
}

void schema_key(struct jsonout *j, const char *name, const struct collection *c)
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

static void properties(
    struct jsonout *j, const struct collection *c, enum schema_of of)
{
	jsonout_open(j, "properties", '{');
	if (of == SCHEMA_DOCUMENT || of == SCHEMA_NEW)
		schema_key(j, c->key_name, c);
	for (size_t i = 0; i < c->nfields; i++) {
		if (has(&c->fields[i], of))
			field_schema(j, &c->fields[i], of);
	}
	if (of == SCHEMA_DOCUMENT) {
		time_schema(j, "created_at");
		time_schema(j, "updated_at");
	}
	jsonout_close(j, '}');
}

/* A row has a value in every column. */
static void required(
    struct jsonout *j, const struct collection *c, enum schema_of of)
{
	bool all = of == SCHEMA_DOCUMENT;
	jsonout_open(j, "required", '[');
	if (all)
		jsonout_string(j, NULL, c->key_name);
	for (size_t i = 0; i < c->nfields; i++) {
		if (all || c->fields[i].required)
			jsonout_string(j, NULL, c->fields[i].name);
	}
	if (all) {
		jsonout_string(j, NULL, "created_at");
		jsonout_string(j, NULL, "updated_at");
	}
	jsonout_close(j, ']');
}

static const struct {
	const char *suffix, *what;
} kinds[SCHEMA_KINDS] = {
    [SCHEMA_DOCUMENT] = {".document", "A document, as it is read."},
    [SCHEMA_NEW] = {".new", "A document, as it is sent. A key that it does "
			    "not name is generated."},
    [SCHEMA_PUT] = {".put", "A document, as it is sent to its key."},
    [SCHEMA_PATCH] = {".patch", "What it names is changed (RFC 7396); null "
				"sets a field to null, or to its default."},
    [SCHEMA_INCREMENT] = {".increment",
	"To each field that it names, the number is added."},
    [SCHEMA_LIST] = {".list", "Documents, in order."},
    [SCHEMA_CREATE] = {".create", "A document, or many."},
};

const char *schema_suffix(enum schema_of of)
{
	return kinds[of].suffix;
}

bool schema_exists(const struct collection *c, enum schema_of of)
{
	bool number = false;
	for (size_t i = 0; i < c->nfields; i++)
		number = number || field_is_number(&c->fields[i]);
	return of != SCHEMA_INCREMENT || number;
}

static void list(struct jsonout *j, const struct collection *c)
{
	jsonout_string(j, "type", "array");
	jsonout_ref(
	    j, "items", "schemas", c->name, schema_suffix(SCHEMA_DOCUMENT));
}

static void one_or_many(struct jsonout *j, const struct collection *c)
{
	const char *new = schema_suffix(SCHEMA_NEW);
	jsonout_open(j, "anyOf", '[');
	jsonout_ref(j, NULL, "schemas", c->name, new);
	jsonout_open(j, NULL, '{');
	jsonout_string(j, "type", "array");
	jsonout_ref(j, "items", "schemas", c->name, new);
	jsonout_close(j, '}');
	jsonout_close(j, ']');
}

static void object(
    struct jsonout *j, const struct collection *c, enum schema_of of)
{
	jsonout_string(j, "type", "object");
	properties(j, c, of);
	if (of != SCHEMA_PATCH && of != SCHEMA_INCREMENT)
		required(j, c, of);
	if (of == SCHEMA_INCREMENT)
		jsonout_int(j, "minProperties", 1);
	jsonout_raw(j, "additionalProperties", (struct jsonraw){"false", 5});
}

void schema_write(struct jsonout *j, const char *name,
    const struct collection *c, enum schema_of of)
{
	jsonout_open(j, name, '{');
	jsonout_string(j, "description", kinds[of].what);
	if (of == SCHEMA_LIST)
		list(j, c);
	else if (of == SCHEMA_CREATE)
		one_or_many(j, c);
	else
		object(j, c, of);
	jsonout_close(j, '}');
}
