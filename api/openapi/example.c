#include "api/openapi/example.h"

#include "common/schema/key_parts.h"
#include "common/schema/nested.h"

#include <string.h>

#define EXAMPLE_UUID "0190a6e2-7c1b-7b3a-9d52-3f6f1c2b8a41"
#define EXAMPLE_TIME "2026-01-31T12:00:00Z"

/* --- a field ------------------------------------------------------------- */

static bool example_fault(void *arg, const char *pointer, const char *why)
{
	(void)arg;
	(void)pointer;
	(void)why;
	return false;
}

static bool example_fits(
    struct buf *out, const struct field *f, struct jsonslice v)
{
	if (v.s == NULL || field_faults(f, v) != 0 ||
	    !nested_check(f, v, false, example_fault, NULL))
		return false;
	bool quoted = f->json_string && jsonslice_kind(v) == JSONSLICE_NUMBER;
	buf_str(out, quoted ? "\"" : "");
	buf_add(out, v.s, v.len);
	buf_str(out, quoted ? "\"" : "");
	return true;
}

static const char *const candidates[] = {"\"text\"", "\"a\"", "\"\"", "1", "10",
    "100", "1000", "0", "0.5", "-1", "true", "{\"a\":1}", "[1,2]", "[\"text\"]",
    "[]", "\"192.0.2.1\"", "\"192.0.2.0/24\"", "\"" EXAMPLE_TIME "\"",
    "\"2026-01-31T12:00:00\"", "\"2026-01-31\"", "\"12:00:00\"",
    "\"" EXAMPLE_UUID "\"", "\"ada@example.org\"", "\"https://example.org/\""};

/* Makes a string longer until it has the minimum length. */
static bool longer(struct buf *out, const struct field *f)
{
	struct buf text = {0};
	if (f->type != FIELD_STRING || f->min_length > 1000)
		return false;
	buf_char(&text, '"');
	for (size_t i = 0; i < f->min_length; i++)
		buf_char(&text, 'a');
	buf_char(&text, '"');
	bool good =
	    example_fits(out, f, (struct jsonslice){text.data, text.len});
	buf_free(&text);
	return good;
}

static bool example_value(struct buf *out, const struct field *f);

/* Makes an object of the declared members, or an array of one element. */
static bool example_within(struct buf *out, const struct field *f)
{
	struct buf b = {0}, v = {0};
	bool known = true;
	buf_char(&b, f->type == FIELD_OBJECT ? '{' : '[');
	for (size_t i = 0; i < f->nmembers && known; i++) {
		const struct field *member = &f->members[i];
		buf_clear(&v);
		if (example_value(&v, member))
			buf_printf(&b, "%s\"%s\":%s", b.len > 1 ? "," : "",
			    member->name, v.data);
		else
			known = !member->required;
	}
	buf_clear(&v);
	if (f->elements && example_value(&v, f->elements) &&
	    !(f->has_max_items && f->max_items == 0))
		buf_str(&b, v.data);
	buf_char(&b, f->type == FIELD_OBJECT ? '}' : ']');
	known =
	    known && example_fits(out, f, (struct jsonslice){b.data, b.len});
	buf_free(&b);
	buf_free(&v);
	return known;
}

/* Appends a value that is valid and not null. */
static bool example_value(struct buf *out, const struct field *f)
{
	struct jsonslice null = {"null", 4};
	struct jsonslice_element e;
	bool known =
	    f->otherwise.s && !(f->otherwise.len == null.len &&
				  memcmp(f->otherwise.s, "null", 4) == 0);
	if (known && example_fits(out, f, f->otherwise))
		return true;
	if (f->choices.s) {
		e = jsonslice_elements(f->choices);
		return jsonslice_each(&e) && example_fits(out, f, e.value);
	}
	if (nested_has(f))
		return example_within(out, f);
	for (size_t i = 0; i < sizeof candidates / sizeof candidates[0]; i++) {
		const char *s = candidates[i];
		if (example_fits(out, f, (struct jsonslice){s, strlen(s)}))
			return true;
	}
	return example_fits(out, f, f->minimum) ||
	       example_fits(out, f, f->maximum) || longer(out, f);
}

/* --- the key ------------------------------------------------------------- */

static const char *key_text(enum key_type key)
{
	switch (key) {
	case KEY_STRING:
		return EXAMPLE_GROUP ":1";
	case KEY_INTEGER:
		return "1";
	case KEY_UUIDV7:
		return EXAMPLE_UUID;
	case KEY_PARTS:
		break;
	}
	return "";
}

/* The parts as the examples of documents have them. */
static void parts_text(struct buf *out, const struct collection *c)
{
	for (size_t i = 0; i < c->nparts; i++) {
		struct buf v = {0};
		buf_str(out, i ? "," : "");
		if (example_value(&v, c->parts[i]))
			key_parts_add(out, c->parts[i],
			    (struct jsonslice){v.data, v.len});
		buf_free(&v);
	}
}

void example_key(
    struct jsonout *j, const char *name, const struct collection *c)
{
	const char *text = key_text(c->key);
	struct buf parts = {0};
	parts_text(&parts, c);
	if (parts.len)
		text = parts.data;
	if (c->key == KEY_INTEGER)
		jsonout_raw(j, name, (struct jsonslice){text, strlen(text)});
	else
		jsonout_string(j, name, text);
	buf_free(&parts);
}

/* --- bodies -------------------------------------------------------------- */

static void example_member(
    struct buf *out, const char *name, const struct buf *v)
{
	buf_printf(out, "%s\"%s\":", out->len > 1 ? "," : "", name);
	buf_add(out, v->data, v->len);
}

/* An increment has one number, and a patch one field. Other bodies have all
 * fields. */
static bool example_is_enough(const struct buf *out, enum json_schema_of of)
{
	return out->len > 1 &&
	       (of == JSON_SCHEMA_INCREMENT || of == JSON_SCHEMA_PATCH ||
		   of == JSON_SCHEMA_PARTIAL);
}

static bool members(
    struct buf *out, const struct collection *c, enum json_schema_of of)
{
	bool whole = of == JSON_SCHEMA_NEW || of == JSON_SCHEMA_PUT ||
		     of == JSON_SCHEMA_CREATE;
	for (size_t i = 0; i < c->nfields && !example_is_enough(out, of); i++) {
		const struct field *f = &c->fields[i];
		bool known_key = f->in_key && of != JSON_SCHEMA_NEW &&
				 of != JSON_SCHEMA_CREATE;
		if (f == c->updated_by || f->read_only || known_key)
			continue;
		struct buf v = {0};
		bool known = false;
		if (of != JSON_SCHEMA_INCREMENT)
			known = example_value(&v, f);
		else if ((known = field_is_number(f)))
			buf_str(&v, f->json_string ? "\"1\"" : "1");
		if (known)
			example_member(out, f->name, &v);
		buf_free(&v);
		if (!known && whole && f->required)
			return false;
	}
	return true;
}

bool example_body(struct jsonout *j, const char *name,
    const struct collection *c, enum json_schema_of of)
{
	struct buf out = {0};
	buf_char(&out, '{');
	bool known = members(&out, c, of);
	buf_char(&out, '}');
	if (known)
		jsonout_raw(j, name, (struct jsonslice){out.data, out.len});
	buf_free(&out);
	return known;
}

/* --- filters ------------------------------------------------------------- */

bool example_filter(struct buf *out, const struct list_column *column)
{
	struct buf v = {0}, text = {0};
	bool known = true;
	if (column->path)
		buf_str(&v, "\"Paris\"");
	else if (column->field)
		known = example_value(&v, column->field);
	else if (column->column == COLUMN_TIMESTAMPTZ)
		buf_str(&v, "\"" EXAMPLE_TIME "\"");
	else if (column->column == COLUMN_BIGINT)
		buf_str(&v, "1");
	else if (column->column == COLUMN_UUID)
		buf_str(&v, "\"" EXAMPLE_UUID "\"");
	else
		buf_str(&v, "\"" EXAMPLE_GROUP ":1\"");
	if (known && v.data[0] == '"')
		jsonslice_text(&text, (struct jsonslice){v.data, v.len});
	else if (known)
		buf_add(&text, v.data, v.len);
	if (known && column->column == COLUMN_BOOLEAN)
		buf_printf(out, "is.%s", text.data);
	else if (known)
		buf_printf(out, "eq.%s", text.data ? text.data : "");
	buf_free(&v);
	buf_free(&text);
	return known;
}
