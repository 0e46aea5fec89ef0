#include "common/schema/field.h"

#include "common/base/check.h"
#include "common/json/decimal.h"
#include "common/json/jsonstring.h"
#include "common/json/jsonwalk.h"

#include <string.h>

static const char *const type_names[] = {
    [FIELD_STRING] = "string",
    [FIELD_INTEGER] = "integer",
    [FIELD_NUMBER] = "number",
    [FIELD_BOOLEAN] = "boolean",
    [FIELD_OBJECT] = "object",
    [FIELD_ARRAY] = "array",
};
enum { TYPES = sizeof type_names / sizeof *type_names };

static const char *const column_names[] = {
    [COLUMN_TEXT] = "text",
    [COLUMN_CHAR] = "bpchar",
    [COLUMN_BIGINT] = "bigint",
    [COLUMN_INTEGER] = "integer",
    [COLUMN_SMALLINT] = "smallint",
    [COLUMN_NUMERIC] = "numeric",
    [COLUMN_BOOLEAN] = "boolean",
    [COLUMN_JSONB] = "jsonb",
    [COLUMN_TIMESTAMPTZ] = "timestamptz",
    [COLUMN_TIMESTAMP] = "timestamp",
    [COLUMN_DATE] = "date",
    [COLUMN_TIME] = "time",
    [COLUMN_UUID] = "uuid",
    [COLUMN_BYTEA] = "bytea",
    [COLUMN_INET] = "inet",
    [COLUMN_CIDR] = "cidr",
    [COLUMN_ENUM] = "enum",
    [COLUMN_ARRAY] = "array",
};

const char *field_type_name(enum field_type t)
{
	return type_names[t];
}

bool field_type_parse(const char *name, size_t len, enum field_type *out)
{
	for (int t = 0; t < TYPES; t++) {
		if (strlen(type_names[t]) == len &&
		    memcmp(type_names[t], name, len) == 0) {
			*out = (enum field_type)t;
			return true;
		}
	}
	return false;
}

const char *column_type_name(enum column_type t)
{
	return column_names[t];
}

/* Formats that have a column type of their own. */
static const struct {
	bool has;
	enum column_type column;
} format_columns[FORMATS] = {
    [FORMAT_DATE_TIME] = {true, COLUMN_TIMESTAMPTZ},
    [FORMAT_DATE_TIME_LOCAL] = {true, COLUMN_TIMESTAMP},
    [FORMAT_DATE] = {true, COLUMN_DATE},
    [FORMAT_TIME_LOCAL] = {true, COLUMN_TIME},
    [FORMAT_UUID] = {true, COLUMN_UUID},
    [FORMAT_BYTE] = {true, COLUMN_BYTEA},
    [FORMAT_INET] = {true, COLUMN_INET},
    [FORMAT_CIDR] = {true, COLUMN_CIDR},
    [FORMAT_INT32] = {true, COLUMN_INTEGER},
    [FORMAT_INT16] = {true, COLUMN_SMALLINT},
};

enum column_type field_column(enum field_type type, enum format format)
{
	if (format_columns[format].has)
		return format_columns[format].column;
	switch (type) {
	case FIELD_STRING:
		return COLUMN_TEXT;
	case FIELD_INTEGER:
		return COLUMN_BIGINT;
	case FIELD_NUMBER:
		return COLUMN_NUMERIC;
	case FIELD_BOOLEAN:
		return COLUMN_BOOLEAN;
	case FIELD_OBJECT:
	case FIELD_ARRAY:
		return COLUMN_JSONB;
	}
	UNREACHABLE("field type");
}

size_t field_max_length(const struct field *f)
{
	if (f->has_max_length)
		return f->max_length;
	return f->pattern ? FIELD_PATTERN_LENGTH : SIZE_MAX;
}

size_t field_max_digits(const struct field *f)
{
	return f && f->max_digits ? f->max_digits : FIELD_DIGITS;
}

bool field_has_default(const struct field *f)
{
	return f->otherwise.s != NULL || f->generated != GENERATED_NOT;
}

bool field_is_number(const struct field *f)
{
	return f->type == FIELD_INTEGER || f->type == FIELD_NUMBER;
}

bool column_is_integer(enum column_type t)
{
	return t == COLUMN_BIGINT || t == COLUMN_INTEGER ||
	       t == COLUMN_SMALLINT;
}

bool column_is_text(enum column_type t)
{
	return t == COLUMN_TEXT || t == COLUMN_CHAR;
}

bool column_can_be_large(enum column_type t)
{
	return column_is_text(t) || t == COLUMN_JSONB || t == COLUMN_NUMERIC ||
	       t == COLUMN_BYTEA || t == COLUMN_ARRAY;
}

static int integer_bits(enum format format)
{
	if (format == FORMAT_INT16)
		return 16;
	return format == FORMAT_INT32 ? 32 : 64;
}

bool field_integer_fits(enum format format, int64_t n)
{
	int64_t most = INT64_MAX >> (64 - integer_bits(format));
	return n <= most && n >= -most - 1;
}

/* --- type and format ----------------------------------------------------- */

struct jsonslice field_bare(const struct field *f, struct jsonslice v)
{
	struct jsonslice number;
	if (!f->json_string || v.s == NULL ||
	    jsonslice_kind(v) != JSONSLICE_STRING)
		return v;
	struct jsonslice text = {v.s + 1, v.len - 2};
	/* A text with blanks around the number is none. */
	return jsonslice_scan(text.s, text.len, &number) &&
		       number.len == text.len &&
		       jsonslice_kind(number) == JSONSLICE_NUMBER
		   ? number
		   : v;
}

/* jsonb stores numbers like numeric. */
static bool numbers_fit(struct jsonslice v, size_t digits)
{
	struct jsonwalk w = {.at = v.s, .end = v.s + v.len};
	enum jsonwalk_token t;
	while ((t = jsonwalk_next(&w)) != JSONWALK_END) {
		if (t == JSONWALK_NUMBER && !decimal_fits(w.token, digits))
			return false;
	}
	return true;
}

static bool has_type(const struct field *f, struct jsonslice v)
{
	int64_t n;
	enum jsonslice_kind kind = jsonslice_kind(v);
	size_t digits = field_max_digits(f);
	switch (f->type) {
	case FIELD_STRING:
		return kind == JSONSLICE_STRING;
	case FIELD_INTEGER:
		return kind == JSONSLICE_NUMBER && decimal_int64(v, &n) &&
		       field_integer_fits(f->format, n);
	case FIELD_NUMBER:
		return kind == JSONSLICE_NUMBER && decimal_fits(v, digits);
	case FIELD_BOOLEAN:
		return kind == JSONSLICE_BOOL;
	case FIELD_OBJECT:
		return kind == JSONSLICE_OBJECT && numbers_fit(v, digits);
	case FIELD_ARRAY:
		return kind == JSONSLICE_ARRAY && numbers_fit(v, digits);
	}
	UNREACHABLE("field type");
}

/* The characters of a string. They are copied only if there are escapes. */
struct text {
	const char *s;
	size_t len;
	struct buf copy;
};

static struct text field_text_of(struct jsonslice v)
{
	struct text t = {v.s + 1, v.len - 2, {0}};
	if (memchr(t.s, '\\', t.len)) {
		jsonslice_text(&t.copy, v);
		t.s = t.copy.data;
		t.len = t.copy.len;
	}
	return t;
}

static unsigned length_faults(const struct field *f, struct jsonslice v)
{
	size_t most = field_max_length(f);
	if (!f->has_min_length && most == SIZE_MAX)
		return 0;
	size_t length = jsonstring_length(v);
	unsigned faults = 0;
	if (f->has_min_length && length < f->min_length)
		faults |= FAULT_MIN_LENGTH;
	if (length > most)
		faults |= FAULT_MAX_LENGTH;
	return faults;
}

static unsigned string_faults(const struct field *f, struct jsonslice v)
{
	static const unsigned found[] = {
	    [PATTERN_NO] = FAULT_PATTERN,
	    [PATTERN_YES] = 0,
	    [PATTERN_TOO_COMPLEX] = FAULT_COMPLEX,
	};
	unsigned faults = length_faults(f, v);
	struct text t = field_text_of(v);
	if (!format_matches(f->format, t.s, t.len))
		faults |= FAULT_FORMAT;
	if (f->pattern && !(faults & FAULT_MAX_LENGTH))
		faults |= found[pattern_matches(f->pattern, t.s, t.len)];
	buf_free(&t.copy);
	return faults;
}

/* --- numbers and choices ------------------------------------------------- */

static unsigned number_faults(const struct field *f, struct jsonslice v)
{
	unsigned faults = 0;
	if (f->minimum.s && decimal_compare(v, f->minimum) < 0)
		faults |= FAULT_MINIMUM;
	if (f->exclusive_minimum.s &&
	    decimal_compare(v, f->exclusive_minimum) <= 0)
		faults |= FAULT_EXCLUSIVE_MINIMUM;
	if (f->maximum.s && decimal_compare(v, f->maximum) > 0)
		faults |= FAULT_MAXIMUM;
	return faults;
}

/* An enum has only numbers and strings (common/schema/declare_field.c). */
static bool field_equal(struct jsonslice a, struct jsonslice b)
{
	if (jsonslice_kind(a) != jsonslice_kind(b))
		return false;
	if (jsonslice_kind(a) == JSONSLICE_NUMBER)
		return decimal_compare(a, b) == 0;
	struct text t = field_text_of(b);
	bool same = jsonslice_equals(a, t.s, t.len);
	buf_free(&t.copy);
	return same;
}

static bool is_choice(struct jsonslice choices, struct jsonslice v)
{
	struct jsonslice_element e = jsonslice_elements(choices);
	while (jsonslice_each(&e)) {
		if (field_equal(e.value, v))
			return true;
	}
	return false;
}

/* --- elements ------------------------------------------------------------ */

/* The place of the first element with a fault; SIZE_MAX: there is none. */
static size_t first_fault(const struct field *f, struct jsonslice v,
    unsigned (*faults)(const struct field *f, struct jsonslice v),
    struct jsonslice *element)
{
	struct jsonslice_element e = jsonslice_elements(v);
	for (size_t i = 0; jsonslice_each(&e); i++) {
		if (faults(f->items, e.value)) {
			*element = e.value;
			return i;
		}
	}
	return SIZE_MAX;
}

static unsigned item_faults(const struct field *f, struct jsonslice v,
    unsigned (*faults)(const struct field *f, struct jsonslice v))
{
	struct jsonslice ignored;
	bool bad = f->items && first_fault(f, v, faults, &ignored) != SIZE_MAX;
	return bad ? FAULT_ITEMS : 0;
}

static void explain_items(
    struct buf *out, const struct field *f, struct jsonslice v)
{
	struct jsonslice element;
	size_t i = first_fault(f, v, field_faults, &element);
	if (i == SIZE_MAX)
		return;
	unsigned faults = field_faults(f->items, element);
	buf_printf(out, "element %zu ", i);
	field_explain(
	    out, f->items, element, (enum field_fault)(faults & -faults));
}

/* --- interface ----------------------------------------------------------- */

unsigned field_faults(const struct field *f, struct jsonslice v)
{
	v = field_bare(f, v);
	if (jsonslice_kind(v) == JSONSLICE_NULL)
		return f->nullable ? 0 : FAULT_NULL;
	if (!has_type(f, v))
		return FAULT_TYPE;
	unsigned faults = 0;
	if (f->type == FIELD_STRING)
		faults = string_faults(f, v);
	else if (field_is_number(f))
		faults = number_faults(f, v);
	else if (f->type == FIELD_ARRAY)
		faults = item_faults(f, v, field_faults);
	if (f->choices.s && !is_choice(f->choices, v))
		faults |= FAULT_CHOICES;
	return faults;
}

unsigned field_column_faults(const struct field *f, struct jsonslice v)
{
	v = field_bare(f, v);
	if (jsonslice_kind(v) == JSONSLICE_NULL)
		return f->nullable ? 0 : FAULT_NULL;
	if (!has_type(f, v))
		return FAULT_TYPE;
	if (f->type == FIELD_ARRAY)
		return item_faults(f, v, field_column_faults);
	if (f->type != FIELD_STRING || column_is_text(f->column))
		return 0;
	struct text t = field_text_of(v);
	bool fits = format_matches(f->format, t.s, t.len);
	buf_free(&t.copy);
	return fits ? 0 : FAULT_FORMAT;
}

static void explain_type(
    struct buf *out, const struct field *f, struct jsonslice v)
{
	static const char *const wanted[] = {
	    [FIELD_STRING] = "must be a string",
	    [FIELD_NUMBER] = "must be a number",
	    [FIELD_BOOLEAN] = "must be true or false",
	    [FIELD_OBJECT] = "must be an object",
	    [FIELD_ARRAY] = "must be an array",
	};
	enum jsonslice_kind kind = jsonslice_kind(field_bare(f, v));
	bool large = (f->type == FIELD_NUMBER && kind == JSONSLICE_NUMBER) ||
		     (f->type == FIELD_OBJECT && kind == JSONSLICE_OBJECT) ||
		     (f->type == FIELD_ARRAY && kind == JSONSLICE_ARRAY);
	if (f->type == FIELD_INTEGER)
		buf_printf(
		    out, "must be a %d-bit integer", integer_bits(f->format));
	else if (large)
		buf_printf(out,
		    "has a number with more than %zu digits before or after "
		    "the decimal point",
		    field_max_digits(f));
	else
		buf_str(out, wanted[f->type]);
	if (f->json_string && !large)
		buf_str(out, ", as a string or a number");
}

static void with(struct buf *out, const char *text, struct jsonslice v)
{
	buf_str(out, text);
	buf_add(out, v.s, v.len);
}

static void explain_choices(struct buf *out, struct jsonslice choices)
{
	const char *before = "must be one of ";
	struct jsonslice_element e = jsonslice_elements(choices);
	for (; jsonslice_each(&e); before = ", ")
		with(out, before, e.value);
}

void field_explain(struct buf *out, const struct field *f, struct jsonslice v,
    enum field_fault fault)
{
	switch (fault) {
	case FAULT_NONE:
		return;
	case FAULT_NULL:
		buf_str(out, f->required ? "is required and must not be null"
					 : "must not be null");
		return;
	case FAULT_TYPE:
		explain_type(out, f, v);
		return;
	case FAULT_FORMAT:
		buf_printf(out, "must have the format %s%s",
		    format_name(f->format), format_limits(f->format));
		return;
	case FAULT_MIN_LENGTH:
		buf_printf(out, "has %zu characters; at least %zu",
		    jsonstring_length(v), f->min_length);
		return;
	case FAULT_MAX_LENGTH:
		buf_printf(out, "has %zu characters; at most %zu",
		    jsonstring_length(v), field_max_length(f));
		return;
	case FAULT_PATTERN:
		with(out, "must match ", f->expression);
		return;
	case FAULT_COMPLEX:
		with(out, "takes too long to match ", f->expression);
		return;
	case FAULT_CHOICES:
		explain_choices(out, f->choices);
		return;
	case FAULT_MINIMUM:
		with(out, "must be at least ", f->minimum);
		return;
	case FAULT_EXCLUSIVE_MINIMUM:
		with(out, "must be greater than ", f->exclusive_minimum);
		return;
	case FAULT_MAXIMUM:
		with(out, "must be at most ", f->maximum);
		return;
	case FAULT_ITEMS:
		explain_items(out, f, v);
		return;
	}
	UNREACHABLE("fault");
}
