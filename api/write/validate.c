#include "api/write/validate.h"

#include "api/write/default_value.h"

#include "api/core/key_check.h"
#include "common/base/utf8.h"
#include "common/json/decimal.h"
#include "common/json/jsondup.h"
#include "common/log/renamed.h"
#include "common/schema/key_parts.h"
#include "common/schema/nested.h"
#include "common/sql/rendered.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* --- keys ---------------------------------------------------------------- */

/* Takes the key that a document contains, in its canonical form. */
static bool validate_key_of(
    const struct collection *c, struct jsonslice v, struct buf *out)
{
	int64_t n;
	enum jsonslice_kind kind = jsonslice_kind(v);
	if (c->key == KEY_INTEGER) {
		if (kind != JSONSLICE_NUMBER || !decimal_int64(v, &n))
			return false;
		buf_printf(out, "%" PRId64, n);
		return true;
	}
	if (kind != JSONSLICE_STRING)
		return false;
	jsonslice_text(out, v);
	if (out->data == NULL)
		buf_str(out, "");
	return true;
}

/* --- members ------------------------------------------------------------- */

/* Faults within objects and arrays are told up to this number. */
enum { MOST_WITHIN = 50 };

struct check {
	const struct collection *c;
	enum validate_as as;
	const char *key; /* NULL: unknown */
	size_t key_len;
	struct validation *out;
	uint64_t seen; /* bits: the fields that were seen, by index */
	/* What the document says of the parts of the key. */
	struct jsonslice parts[COLLECTION_FIELDS];
	bool fill; /* a default must be filled in */
};

static void check_key(const struct check *k, struct jsonslice v)
{
	struct violations *out = &k->out->violations;
	struct buf said = {0};
	bool good = validate_key_of(k->c, v, &said);
	if (k->key) {
		if (!good || said.len != k->key_len ||
		    memcmp(said.data, k->key, said.len) != 0)
			violations_add(out, k->c->key_name,
			    "differs from the key in the path");
	} else if (!good) {
		violations_add(out, k->c->key_name, "%s", key_check_form(k->c));
	} else if (key_check(k->c, said.data, said.len, out)) {
		k->out->key = said;
		return;
	}
	buf_free(&said);
}

static void add_faults(const struct check *k, const struct field *f,
    struct jsonslice v, unsigned faults)
{
	for (; faults; faults &= faults - 1) {
		struct buf text = {0};
		field_explain(
		    &text, f, v, (enum field_fault)(faults & -faults));
		violations_add(&k->out->violations, f->name, "%s", text.data);
		buf_free(&text);
	}
}

static bool validate_within(void *arg, const char *pointer, const char *why)
{
	const struct check *k = arg;
	violations_add_at(&k->out->violations, pointer, why);
	return k->out->violations.n < MOST_WITHIN;
}

/* In a patch, null removes the member; then its default counts. */
static bool wants_default(
    const struct check *k, const struct field *f, struct jsonslice v)
{
	return k->as == VALIDATE_PATCH && jsonslice_kind(v) == JSONSLICE_NULL &&
	       !f->nullable && field_has_default(f);
}

static void check_field(
    struct check *k, const struct field *f, struct jsonslice v)
{
	struct violations *out = &k->out->violations;
	if (wants_default(k, f, v)) {
		k->fill = true;
		return;
	}
	if (k->as != VALIDATE_INCREMENT) {
		unsigned faults = field_faults(f, v);
		add_faults(k, f, v, faults);
		if (faults == 0)
			nested_check(
			    f, v, k->as == VALIDATE_PATCH, validate_within, k);
		return;
	}
	if (!field_is_number(f)) {
		violations_add(out, f->name, "cannot be incremented");
		return;
	}
	/* The other keywords apply to the sum, not to the number to add. */
	const struct field any = {.name = f->name,
	    .type = f->type,
	    .max_digits = f->max_digits,
	    .json_string = f->json_string};
	if (field_faults(&any, v))
		add_faults(k, &any, v, FAULT_TYPE);
}

/* A part of the key is in the path, in the document, or in both. */
static void check_part(
    struct check *k, const struct field *f, struct jsonslice v)
{
	struct violations *out = &k->out->violations;
	if (k->as == VALIDATE_INCREMENT) {
		violations_add(out, f->name,
		    "cannot be incremented: it is a part of the key");
		return;
	}
	unsigned faults = field_faults(f, v);
	add_faults(k, f, v, faults);
	if (faults == 0)
		k->parts[f - k->c->fields] = v;
}

static void compare_part(struct check *k, size_t i)
{
	const struct field *f = k->c->parts[i];
	struct violations *out = &k->out->violations;
	struct jsonslice said = k->parts[f - k->c->fields];
	struct buf value = {0}, mine = {0}, theirs = {0};
	key_parts_json(&value, k->c, k->key, k->key_len, i);
	struct jsonslice v = {value.data, value.len};
	unsigned faults = field_faults(f, v);
	add_faults(k, f, v, faults);
	key_parts_add(&mine, f, v);
	if (said.s && faults == 0) {
		key_parts_add(&theirs, f, said);
		if (mine.len != theirs.len ||
		    (mine.len && memcmp(mine.data, theirs.data, mine.len) != 0))
			violations_add(
			    out, f->name, "differs from the key in the path");
	}
	buf_free(&value);
	buf_free(&mine);
	buf_free(&theirs);
}

/* A document whose key is not known has all parts, or faults. */
static void check_parts(struct check *k)
{
	struct buf key = {0};
	buf_str(&key, "");
	for (size_t i = 0; i < k->c->nparts && k->key; i++)
		compare_part(k, i);
	if (k->key || k->as != VALIDATE_WHOLE) {
		buf_free(&key);
		return;
	}
	for (size_t i = 0; i < k->c->nparts; i++) {
		const struct field *f = k->c->parts[i];
		if (k->parts[f - k->c->fields].s == NULL) {
			buf_free(&key);
			return;
		}
		buf_str(&key, i ? "," : "");
		key_parts_add(&key, f, k->parts[f - k->c->fields]);
	}
	if (key_check(k->c, key.data, key.len, &k->out->violations))
		k->out->key = key;
	else
		buf_free(&key);
}

static void check_member(struct check *k, struct jsonslice_member m)
{
	size_t i = collection_field(k->c, m.name);
	if (i < k->c->nfields && &k->c->fields[i] == k->c->updated_by) {
		violations_add(&k->out->violations, k->c->fields[i].name,
		    "is set by the writer, to the caller of the write");
		return;
	}
	if (i < k->c->nfields && k->c->fields[i].read_only) {
		violations_add(&k->out->violations, k->c->fields[i].name,
		    "is read-only: the database sets it");
		return;
	}
	if (i < k->c->nfields) {
		k->seen |= UINT64_C(1) << i;
		if (k->c->fields[i].in_key)
			check_part(k, &k->c->fields[i], m.value);
		else
			check_field(k, &k->c->fields[i], m.value);
		return;
	}
	const char *key = k->c->key_name;
	if (k->as != VALIDATE_INCREMENT && k->c->nparts == 0 &&
	    jsonslice_equals(m.name, key, strlen(key))) {
		check_key(k, m.value);
		return;
	}
	struct buf name = {0};
	buf_str(&name, "");
	jsonslice_text(&name, m.name);
	const struct field *now = renamed_field(k->c, name.data, name.len);
	if (now)
		violations_add(&k->out->violations, name.data,
		    "was renamed to %s", now->name);
	else
		violations_add(&k->out->violations, name.data,
		    "is not a field of %s", k->c->name);
	buf_free(&name);
}

/* Checks the members that a whole document leaves out. */
static void check_missing(struct check *k)
{
	for (size_t i = 0; i < k->c->nfields; i++) {
		const struct field *f = &k->c->fields[i];
		if ((k->seen >> i & 1) || (f->in_key && k->key))
			continue;
		if (f->required)
			violations_add(
			    &k->out->violations, f->name, "is required");
		else if (field_has_default(f))
			k->fill = true;
	}
}

/* --- defaults ------------------------------------------------------------ */

static void add_default(struct buf *out, const struct field *f)
{
	buf_printf(out, "%s\"%s\":", out->len > 1 ? "," : "", f->name);
	default_value_add(out, f);
}

static void fill_member(
    const struct check *k, struct jsonslice_member m, struct buf *out)
{
	size_t i = collection_field(k->c, m.name);
	if (i < k->c->nfields && wants_default(k, &k->c->fields[i], m.value)) {
		add_default(out, &k->c->fields[i]);
		return;
	}
	buf_str(out, out->len > 1 ? "," : "");
	buf_add(out, m.name.s, m.name.len);
	buf_char(out, ':');
	buf_add(out, m.value.s, m.value.len);
}

static void validate_fill(
    const struct check *k, struct jsonslice object, struct buf *out)
{
	struct jsonslice_member m = jsonslice_members(object);
	buf_char(out, '{');
	while (jsonslice_next(&m))
		fill_member(k, m, out);
	for (size_t i = 0; k->as == VALIDATE_WHOLE && i < k->c->nfields; i++) {
		const struct field *f = &k->c->fields[i];
		if (!(k->seen >> i & 1) && field_has_default(f))
			add_default(out, f);
	}
	buf_char(out, '}');
}

/* --- documents ----------------------------------------------------------- */

static void check_object(struct check *k, struct jsonslice object)
{
	struct violations *out = &k->out->violations;
	struct jsonslice_member m = jsonslice_members(object);
	size_t n = 0;
	for (; jsonslice_next(&m); n++)
		check_member(k, m);
	if (k->as == VALIDATE_INCREMENT && n == 0)
		violations_add(out, NULL, "names no field to increment");
	if (k->as == VALIDATE_WHOLE)
		check_missing(k);
	if (k->c->nparts)
		check_parts(k);
	if (out->n == 0 && k->fill)
		validate_fill(k, object, &k->out->filled);
}

void validate_value(const struct collection *c, enum validate_as as,
    const char *key, size_t key_len, struct jsonslice value,
    struct validation *out)
{
	*out = (struct validation){.validity = VALID};
	struct check k = {
	    .c = c, .as = as, .key = key, .key_len = key_len, .out = out};
	if (jsonslice_kind(value) == JSONSLICE_OBJECT)
		check_object(&k, value);
	else
		violations_add(&out->violations, NULL, "must be an object");
	if (out->violations.n == 0)
		return;
	out->validity = INVALID;
	buf_free(&out->key);
}

bool validate_parse(const char *body, size_t len, struct jsonslice *value,
    struct validation *out)
{
	struct jsonslice_fault fault;
	*out = (struct validation){.validity = NOT_JSON};
	if (jsonslice_parse(body, len, value, &fault)) {
		struct jsonslice twice = jsondup_find(*value);
		if (twice.s == NULL)
			return true;
		fault = (struct jsonslice_fault){(size_t)(twice.s - body),
		    "a duplicate member of its object"};
	}
	out->offset = fault.at;
	snprintf(out->message, sizeof out->message, "%s", fault.what);
	return false;
}

void validate_document(const struct collection *c, enum validate_as as,
    const char *key, size_t key_len, const char *body, size_t len,
    struct validation *out)
{
	struct jsonslice value;
	if (validate_parse(body, len, &value, out))
		validate_value(c, as, key, key_len, value, out);
}

/* --- size ---------------------------------------------------------------- */

enum { GENERATED_KEY = 36 }; /* a UUID; integers are shorter */

static struct jsonslice without_blanks(const char *s, size_t len)
{
	static const char blanks[] = " \t\r\n";
	while (len && memchr(blanks, s[len - 1], 4))
		len--;
	while (len && memchr(blanks, *s, 4)) {
		s++;
		len--;
	}
	return (struct jsonslice){s, len};
}

void validate_size(const struct collection *c, enum validate_as as,
    size_t key_len, const char *body, size_t len, size_t most,
    struct validation *v)
{
	if (v->validity != VALID || as == VALIDATE_INCREMENT)
		return;
	struct jsonslice document =
	    v->filled.len ? without_blanks(v->filled.data, v->filled.len)
			  : without_blanks(body, len);
	if (key_len == 0)
		key_len = v->key.len ? v->key.len : GENERATED_KEY;
	size_t size = as == VALIDATE_WHOLE
			  ? rendered_document(c, key_len, document)
			  : rendered_json(document);
	if (size <= most)
		return;
	validation_free(v);
	*v = (struct validation){.validity = TOO_LARGE};
	snprintf(v->message, sizeof v->message,
	    "The document would have %zu bytes when read; document.max_bytes "
	    "is %zu.",
	    size, most);
}

/* --- the reference system's write ---------------------------------------- */

static void want_string(
    struct jsonslice v, const char *name, struct violations *out)
{
	if (v.s == NULL)
		violations_add(out, name, "is required");
	else if (jsonslice_kind(v) != JSONSLICE_STRING)
		violations_add(out, name, "must be a string");
}

/* The document must be valid for the collection, like any other. */
static void check_whole(const struct collection *c, struct validation *out)
{
	struct buf *document = &out->filled;
	struct validation whole;
	validate_document(
	    c, VALIDATE_WHOLE, NULL, 0, document->data, document->len, &whole);
	if (whole.validity == VALID && whole.filled.len == 0) {
		validation_free(&whole);
		return;
	}
	buf_free(document);
	*document = whole.filled;
	out->violations = whole.violations; /* it had none */
	buf_free(&whole.key);
}

static void check_seed(
    const struct collection *c, struct jsonslice object, struct validation *out)
{
	struct violations *bad = &out->violations;
	struct jsonslice key = {0}, value = {0};
	struct jsonslice_member m = jsonslice_members(object);
	while (jsonslice_next(&m)) {
		struct buf name = {0};
		buf_str(&name, "");
		jsonslice_text(&name, m.name);
		if (strcmp(name.data, "key") == 0)
			key = m.value;
		else if (strcmp(name.data, "value") == 0)
			value = m.value;
		else
			violations_add(bad, name.data, "is not a field");
		buf_free(&name);
	}
	want_string(key, "key", bad);
	want_string(value, "value", bad);
	if (bad->n)
		return;
	buf_str(&out->key, "");
	jsonslice_text(&out->key, key);
	if (!key_check(c, out->key.data, out->key.len, bad))
		return;
	buf_str(&out->filled, "{\"value\":");
	buf_add(&out->filled, value.s, value.len);
	buf_char(&out->filled, '}');
	check_whole(c, out);
}

void validate_seed_write(const struct collection *c, const char *body,
    size_t len, struct validation *out)
{
	struct jsonslice value;
	if (!validate_parse(body, len, &value, out))
		return;
	out->validity = VALID;
	if (jsonslice_kind(value) == JSONSLICE_OBJECT)
		check_seed(c, value, out);
	else
		violations_add(&out->violations, NULL, "must be an object");
	if (out->violations.n == 0)
		return;
	out->validity = INVALID;
	buf_free(&out->key);
}

void validation_free(struct validation *v)
{
	violations_free(&v->violations);
	buf_free(&v->filled);
	buf_free(&v->key);
}
