/* A field of a declaration, or a value within one. Each keyword applies to some
 * types. On another type it would have no effect, so it is refused.
 */
#include "common/base/check.h"
#include "common/json/decimal.h"
#include "common/schema/declare_priv.h"

#include <stdio.h>
#include <string.h>

#define STRING (1U << FIELD_STRING)
#define INTEGER (1U << FIELD_INTEGER)
#define NUMBERS (INTEGER | 1U << FIELD_NUMBER)
/* Types whose numbers may have many digits. */
#define DECIMALS (1U << FIELD_NUMBER | 1U << FIELD_OBJECT | 1U << FIELD_ARRAY)
#define OBJECT (1U << FIELD_OBJECT)
#define ARRAY (1U << FIELD_ARRAY)
/* Values within a field do not have the keyword. */
#define OF_COLUMNS (1U << 31)
#define ANY (OF_COLUMNS - 1)

struct at {
	struct declaration *d;
	struct field *field;
	const char *pointer; /* of the keyword */
	size_t depth;	     /* levels below a field of the collection */
};

/* --- keywords ------------------------------------------------------------ */

static bool take_type(const struct at *a, struct jsonslice v)
{
	return jsonslice_kind(v) == JSONSLICE_STRING &&
		       field_type_parse(v.s + 1, v.len - 2, &a->field->type)
		   ? true
		   : declare_refuse(a->d, a->pointer,
			 "must be \"string\", \"integer\", \"number\", "
			 "\"boolean\", \"object\" or \"array\"");
}

static bool take_format(const struct at *a, struct jsonslice v)
{
	const char *type = field_type_name(a->field->type);
	struct buf names = {0};
	if (jsonslice_kind(v) == JSONSLICE_STRING &&
	    format_parse(type, v.s + 1, v.len - 2, &a->field->format))
		return true;
	format_names(&names, type);
	declare_refuse(a->d, a->pointer, "must be one of%s", names.data);
	buf_free(&names);
	return false;
}

static bool take_flag(const struct at *a, struct jsonslice v, bool *out)
{
	*out = *v.s == 't';
	return jsonslice_kind(v) == JSONSLICE_BOOL ||
	       declare_refuse(a->d, a->pointer, "must be true or false");
}

static bool take_nullable(const struct at *a, struct jsonslice v)
{
	return take_flag(a, v, &a->field->nullable);
}

static bool take_length(
    const struct at *a, struct jsonslice v, bool *has, size_t *out)
{
	int64_t n;
	if (!declare_count(a->d, a->pointer, v, 1000000000, &n))
		return false;
	*has = true;
	*out = (size_t)n;
	return true;
}

static bool take_max_digits(const struct at *a, struct jsonslice v)
{
	int64_t n;
	if (!declare_count(a->d, a->pointer, v, DECIMAL_DIGITS_MOST, &n))
		return false;
	a->field->max_digits = (size_t)n;
	return n > 0 || declare_refuse(a->d, a->pointer, "must be at least 1");
}

static bool take_min_length(const struct at *a, struct jsonslice v)
{
	return take_length(
	    a, v, &a->field->has_min_length, &a->field->min_length);
}

static bool take_max_length(const struct at *a, struct jsonslice v)
{
	return take_length(
	    a, v, &a->field->has_max_length, &a->field->max_length);
}

/* False: refused. */
static bool fits_integer(const struct at *a, struct jsonslice v)
{
	const struct field any = {
	    .type = FIELD_INTEGER, .format = a->field->format};
	struct buf why = {0};
	if (field_faults(&any, v) == 0)
		return true;
	field_explain(&why, &any, v, FAULT_TYPE);
	declare_refuse(a->d, a->pointer, "%s", why.data);
	buf_free(&why);
	return false;
}

static bool take_bound(
    const struct at *a, struct jsonslice v, struct jsonslice *out)
{
	if (jsonslice_kind(v) != JSONSLICE_NUMBER)
		return declare_refuse(a->d, a->pointer, "must be a number");
	if (!decimal_fits(v, field_max_digits(a->field)))
		return declare_refuse(
		    a->d, a->pointer, "has more digits than the field allows");
	if (a->field->type == FIELD_INTEGER && !fits_integer(a, v))
		return false;
	*out = v;
	return true;
}

static bool take_minimum(const struct at *a, struct jsonslice v)
{
	return take_bound(a, v, &a->field->minimum);
}

static bool take_exclusive(const struct at *a, struct jsonslice v)
{
	return take_bound(a, v, &a->field->exclusive_minimum);
}

static bool take_maximum(const struct at *a, struct jsonslice v)
{
	return take_bound(a, v, &a->field->maximum);
}

static bool take_choices(const struct at *a, struct jsonslice v)
{
	size_t n = 0;
	if (jsonslice_kind(v) != JSONSLICE_ARRAY)
		return declare_refuse(a->d, a->pointer, "must be an array");
	struct jsonslice_element e = jsonslice_elements(v);
	for (; jsonslice_each(&e); n++) {
		if (field_faults(a->field, e.value) ||
		    jsonslice_kind(e.value) == JSONSLICE_NULL)
			return declare_refuse(a->d, a->pointer,
			    "%.*s is not a value of the field's type",
			    e.value.len > 60 ? 60 : (int)e.value.len,
			    e.value.s);
	}
	if (n == 0)
		return declare_refuse(a->d, a->pointer, "must not be empty");
	a->field->choices = v;
	return true;
}

static bool declare_field_take_pattern(const struct at *a, struct jsonslice v)
{
	char fault[PATTERN_FAULT_LEN];
	if (jsonslice_kind(v) != JSONSLICE_STRING)
		return declare_refuse(a->d, a->pointer, "must be a string");
	struct buf b = {0};
	jsonslice_text(&b, v);
	a->field->pattern = pattern_new(b.data ? b.data : "", b.len, fault);
	buf_free(&b);
	a->field->expression = v;
	return a->field->pattern != NULL ||
	       declare_refuse(a->d, a->pointer, "%s", fault);
}

/* {"now": true} and {"uuid": 7}; only of formats that are no objects. */
static bool take_generated(const struct at *a, struct jsonslice v)
{
	struct jsonslice_member m = jsonslice_members(v);
	bool time = a->field->format == FORMAT_DATE_TIME;
	bool one = jsonslice_next(&m);
	if (one && time && jsonslice_equals(m.name, "now", 3) &&
	    jsonslice_kind(m.value) == JSONSLICE_BOOL && *m.value.s == 't')
		a->field->generated = GENERATED_NOW;
	else if (one && !time && jsonslice_equals(m.name, "uuid", 4) &&
		 m.value.len == 1 && *m.value.s == '7')
		a->field->generated = GENERATED_UUID;
	if (a->field->generated == GENERATED_NOT || jsonslice_next(&m))
		return declare_refuse(a->d, a->pointer, "must be %s",
		    time ? "a date-time or {\"now\": true}"
			 : "a UUID or {\"uuid\": 7}");
	return true;
}

static bool take_default(const struct at *a, struct jsonslice v)
{
	enum format format = a->field->format;
	if (jsonslice_kind(v) == JSONSLICE_OBJECT &&
	    (format == FORMAT_DATE_TIME || format == FORMAT_UUID))
		return take_generated(a, v);
	a->field->otherwise = v;
	return true; /* checked when the whole field is known */
}

static bool take_read_only(const struct at *a, struct jsonslice v)
{
	if (!take_flag(a, v, &a->field->read_only))
		return false;
	return !a->field->read_only || a->d->collection.table.foreign ||
	       declare_refuse(
		   a->d, a->pointer, "is for a table of yours: declare /table");
}

/* A double holds every integer of fewer bits. */
static bool take_json(const struct at *a, struct jsonslice v)
{
	struct field *f = a->field;
	if (jsonslice_kind(v) != JSONSLICE_STRING ||
	    !jsonslice_equals(v, "string", 6))
		return declare_refuse(a->d, a->pointer, "must be \"string\"");
	f->json_string = true;
	return (f->format != FORMAT_INT32 && f->format != FORMAT_INT16) ||
	       declare_refuse(a->d, a->pointer,
		   "is for integers of 64 bits, and for the type number");
}

static bool take_was(const struct at *a, struct jsonslice v)
{
	if (jsonslice_kind(v) != JSONSLICE_STRING)
		return declare_refuse(a->d, a->pointer, "must be a string");
	a->field->was = declare_string(a->d, v);
	a->d->collection.renames = true;
	return declare_name(a->d, a->pointer, a->field->was);
}

static bool declare_field_take_items(const struct at *a, struct jsonslice v);

/* The type is `char`, or an enum type: without a schema, one of the schema
 * public. */
static bool take_column_type(const struct at *a, struct jsonslice v)
{
	struct field *f = a->field;
	if (jsonslice_kind(v) != JSONSLICE_STRING)
		return declare_refuse(a->d, a->pointer, "must be a string");
	if (!a->d->collection.table.foreign)
		return declare_refuse(a->d, a->pointer,
		    "is for a table of yours: declare /table");
	f->fixed_length =
	    f->format == FORMAT_NONE && jsonslice_equals(v, "char", 4);
	if (f->fixed_length)
		return true;
	if (f->choices.s == NULL || f->format != FORMAT_NONE)
		return declare_refuse(a->d, a->pointer,
		    "is \"char\", or the name of an enum type: declare its "
		    "values in enum, and no format");
	return declare_qualified(
	    a->d, a->pointer, v, &f->enum_schema, &f->enum_type);
}

static bool take_description(const struct at *a, struct jsonslice v)
{
	a->field->description = v;
	return jsonslice_kind(v) == JSONSLICE_STRING ||
	       declare_refuse(a->d, a->pointer, "must be a string");
}

static bool take_properties(const struct at *a, struct jsonslice v)
{
	return declare_properties(a->d, a->field, a->pointer, a->depth, v);
}

static bool take_required(const struct at *a, struct jsonslice v)
{
	return declare_members_required(a->d, a->field, a->pointer, v);
}

static bool take_additional(const struct at *a, struct jsonslice v)
{
	bool open = true;
	bool good = take_flag(a, v, &open);
	a->field->closed = !open;
	return good;
}

static bool take_max_items(const struct at *a, struct jsonslice v)
{
	return take_length(
	    a, v, &a->field->has_max_items, &a->field->max_items);
}

/* In the order in which they are read, whatever their order in the text: each
 * one finds what it needs to know of the field. */
static const struct keyword {
	const char *name;
	bool (*take)(const struct at *a, struct jsonslice v);
	unsigned types;
} keywords[] = {
    {"type", take_type, ANY},
    {"description", take_description, ANY},
    {"was", take_was, ANY | OF_COLUMNS},
    {"nullable", take_nullable, ANY},
    {"format", take_format, STRING | INTEGER | OF_COLUMNS},
    {"maxDigits", take_max_digits, DECIMALS | OF_COLUMNS},
    {"enum", take_choices, STRING | NUMBERS},
    {"minLength", take_min_length, STRING},
    {"maxLength", take_max_length, STRING},
    {"pattern", declare_field_take_pattern, STRING | OF_COLUMNS},
    {"minimum", take_minimum, NUMBERS},
    {"exclusiveMinimum", take_exclusive, NUMBERS},
    {"maximum", take_maximum, NUMBERS},
    {"properties", take_properties, OBJECT},
    {"required", take_required, OBJECT},
    {"additionalProperties", take_additional, OBJECT},
    {"items", declare_field_take_items, ARRAY},
    {"maxItems", take_max_items, ARRAY},
    {"json", take_json, NUMBERS | OF_COLUMNS},
    {"columnType", take_column_type, STRING | OF_COLUMNS},
    {"readOnly", take_read_only, ANY | OF_COLUMNS},
    {"default", take_default, ANY | OF_COLUMNS},
};
enum { KEYWORDS = sizeof keywords / sizeof *keywords };

/* --- a field ------------------------------------------------------------- */

static bool take_keyword(
    const struct at *of, const struct keyword *k, struct jsonslice v)
{
	struct buf pointer = {0};
	buf_printf(&pointer, "%s/%s", of->pointer, k->name);
	const struct at a = {of->d, of->field, pointer.data, of->depth};
	bool good;
	if ((k->types & 1U << a.field->type) == 0)
		good = declare_refuse(a.d, a.pointer,
		    "does not apply to the type %s",
		    field_type_name(a.field->type));
	else if ((k->types & OF_COLUMNS) && a.depth > 0)
		good = declare_refuse(
		    a.d, a.pointer, "does not apply to a value within a field");
	else
		good = k->take(&a, v);
	buf_free(&pointer);
	return good;
}

static bool find_keywords(struct declaration *d, const char *pointer,
    struct jsonslice v, struct jsonslice found[KEYWORDS])
{
	struct jsonslice_member m = jsonslice_members(v);
	while (jsonslice_next(&m)) {
		int i = 0;
		while (
		    i < KEYWORDS && !jsonslice_equals(m.name, keywords[i].name,
					strlen(keywords[i].name)))
			i++;
		if (i == KEYWORDS)
			return declare_refuse(d, pointer,
			    "unknown keyword %.*s",
			    m.name.len > 60 ? 60 : (int)m.name.len, m.name.s);
		found[i] = m.value;
	}
	return found[0].s || declare_refuse(d, pointer, "type is required");
}

/* --- bounds -------------------------------------------------------------- */

bool declare_bounds(
    struct declaration *d, const char *pointer, const struct field *f)
{
	if (f->column == COLUMN_ENUM &&
	    (f->has_min_length || f->has_max_length || f->expression.s))
		return declare_refuse(
		    d, pointer, "columnType allows no length or pattern");
	if (f->type == FIELD_STRING && !column_is_text(f->column) &&
	    f->column != COLUMN_ENUM &&
	    (f->has_min_length || f->has_max_length || f->choices.s ||
		f->expression.s))
		return declare_refuse(d, pointer,
		    "the format %s allows no length, pattern or enum",
		    format_name(f->format));
	if (f->minimum.s && f->exclusive_minimum.s)
		return declare_refuse(d, pointer,
		    "minimum and exclusiveMinimum exclude each other");
	if (f->has_min_length && f->has_max_length &&
	    f->min_length > f->max_length)
		return declare_refuse(
		    d, pointer, "minLength is greater than maxLength");
	if (f->minimum.s && f->maximum.s &&
	    decimal_compare(f->minimum, f->maximum) > 0)
		return declare_refuse(
		    d, pointer, "minimum is greater than maximum");
	if (f->exclusive_minimum.s && f->maximum.s &&
	    decimal_compare(f->exclusive_minimum, f->maximum) >= 0)
		return declare_refuse(
		    d, pointer, "exclusiveMinimum is not below maximum");
	if (!f->choices.s)
		return true;
	struct jsonslice_element e = jsonslice_elements(f->choices);
	while (jsonslice_each(&e)) {
		if (field_faults(f, e.value))
			return declare_refuse(d, pointer,
			    "enum has %.*s, which another keyword forbids",
			    e.value.len > 60 ? 60 : (int)e.value.len,
			    e.value.s);
	}
	return true;
}

bool declare_keywords(struct declaration *d, struct field *f,
    const char *pointer, size_t depth, struct jsonslice v)
{
	const struct at of = {d, f, pointer, depth};
	struct jsonslice found[KEYWORDS] = {{0}};
	if (jsonslice_kind(v) != JSONSLICE_OBJECT)
		return declare_refuse(d, pointer, "must be an object");
	if (!find_keywords(d, pointer, v, found))
		return false;
	for (int i = 0; i < KEYWORDS; i++) {
		if (found[i].s && !take_keyword(&of, &keywords[i], found[i]))
			return false;
	}
	f->column = f->items	      ? COLUMN_ARRAY
		    : f->enum_type    ? COLUMN_ENUM
		    : f->fixed_length ? COLUMN_CHAR
				      : field_column(f->type, f->format);
	return true;
}

/* Of a field, scalars are the elements of an array of PostgreSQL. */
static bool declare_field_take_items(const struct at *a, struct jsonslice v)
{
	if (a->depth > 0 || declare_are_json(v))
		return declare_items(a->d, a->field, a->pointer, a->depth, v);
	struct field *item = &a->d->items[a->field - a->d->fields];
	item->name = "items";
	if (!declare_keywords(a->d, item, a->pointer, 0, v))
		return false;
	if (item->column == COLUMN_JSONB || item->column == COLUMN_ARRAY ||
	    item->column == COLUMN_CHAR)
		return declare_refuse(a->d, a->pointer,
		    "must be strings, numbers or booleans, and no char(n)");
	if (field_has_default(item) || item->read_only || item->was ||
	    item->json_string)
		return declare_refuse(a->d, a->pointer,
		    "allows neither default nor readOnly nor was nor json");
	a->field->items = item;
	return declare_bounds(a->d, a->pointer, item);
}
