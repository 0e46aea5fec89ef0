#include "writer/document.h"

#include "writer/decimal.h"

#include "common/check.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The index of the field, or nfields. */
static size_t field_of(const struct collection *c, struct jsonraw name)
{
	size_t i = 0;
	CHECK(c->nfields <= DOCUMENT_FIELDS);
	while (i < c->nfields && !jsonraw_equals(name, c->fields[i].name,
				     strlen(c->fields[i].name)))
		i++;
	return i;
}

static bool is_null(struct jsonraw v)
{
	return v.s == NULL || jsonraw_kind(v) == JSONRAW_NULL;
}

/* As Postgres reads a bigint: no fraction, no exponent. */
static bool read_integer(struct jsonraw v, int64_t *out)
{
	char text[24], *end;
	if (v.len >= sizeof text)
		return false;
	memcpy(text, v.s, v.len);
	text[v.len] = '\0';
	errno = 0;
	*out = strtoll(text, &end, 10);
	return errno == 0 && *end == '\0';
}

/* --- faults -------------------------------------------------------------- */

static const char *type_fault(enum field_type type, struct jsonraw v)
{
	int64_t ignored;
	enum jsonraw_kind kind = jsonraw_kind(v);
	switch (type) {
	case FIELD_STRING:
		return kind == JSONRAW_STRING ? NULL : "is not a string";
	case FIELD_INTEGER:
		return kind == JSONRAW_NUMBER && read_integer(v, &ignored)
			   ? NULL
			   : "is not an integer of 64 bits";
	case FIELD_NUMBER:
		return kind == JSONRAW_NUMBER && decimal_fits(v)
			   ? NULL
			   : "is not a number that the database takes";
	}
	UNREACHABLE("field type");
}

static const char *field_fault(
    const struct field *f, enum record_op op, struct jsonraw v)
{
	if (op == RECORD_INCREMENT && f->type == FIELD_STRING)
		return "cannot be incremented";
	if (op == RECORD_INCREMENT || !is_null(v))
		return type_fault(f->type, v);
	return f->required ? "is required, not null" : NULL;
}

void document_fault(const struct collection *c, enum record_op op,
    struct jsonraw object, char out[DOCUMENT_FAULT_LEN])
{
	uint64_t seen = 0;
	struct jsonraw_member m = jsonraw_members(object);
	out[0] = '\0';
	while (jsonraw_next(&m)) {
		size_t i = field_of(c, m.name);
		if (i == c->nfields)
			continue;
		seen |= UINT64_C(1) << i;
		const char *what = field_fault(&c->fields[i], op, m.value);
		if (what) {
			snprintf(out, DOCUMENT_FAULT_LEN, "%.80s %s",
			    c->fields[i].name, what);
			return;
		}
	}
	for (size_t i = 0; op == RECORD_PUT && i < c->nfields; i++) {
		if (!c->fields[i].required || (seen >> i & 1))
			continue;
		snprintf(out, DOCUMENT_FAULT_LEN, "%.80s is required",
		    c->fields[i].name);
		return;
	}
}

/* --- changes ------------------------------------------------------------- */

void document_read(
    const struct collection *c, struct jsonraw object, struct document *out)
{
	struct jsonraw_member m = jsonraw_members(object);
	*out = (struct document){0};
	while (jsonraw_next(&m)) {
		size_t i = field_of(c, m.name);
		if (i < c->nfields)
			out->values[i] =
			    is_null(m.value) ? (struct jsonraw){0} : m.value;
	}
}

static struct jsonraw merged(
    struct jsonraw was, struct jsonraw patch, struct arena *arena)
{
	if (is_null(patch))
		return (struct jsonraw){0};
	if (jsonraw_kind(patch) != JSONRAW_OBJECT)
		return patch;
	struct buf b = {0};
	jsonraw_merge(&b, was, patch);
	struct jsonraw out = arena_keep(arena, b.data, b.len);
	buf_free(&b);
	return out;
}

/* Of members with equal names the last one counts: each begins with what was
 * there before the patch. */
void document_patch(const struct collection *c, struct document *d,
    struct jsonraw patch, struct arena *arena)
{
	const struct document before = *d;
	struct jsonraw_member m = jsonraw_members(patch);
	while (jsonraw_next(&m)) {
		size_t i = field_of(c, m.name);
		if (i < c->nfields)
			d->values[i] = merged(before.values[i], m.value, arena);
	}
}

static bool add_integers(struct buf *out, struct jsonraw a, struct jsonraw b)
{
	int64_t x, y, sum;
	if (!read_integer(a, &x) || !read_integer(b, &y) ||
	    __builtin_add_overflow(x, y, &sum))
		return false;
	buf_printf(out, "%" PRId64, sum);
	return true;
}

static bool add(enum field_type type, struct jsonraw was, struct jsonraw by,
    struct buf *out)
{
	static const struct jsonraw zero = {"0", 1};
	buf_clear(out);
	if (is_null(was))
		was = zero;
	if (jsonraw_kind(was) != JSONRAW_NUMBER)
		return false; /* Postgres's "NaN" */
	switch (type) {
	case FIELD_STRING:
		return false;
	case FIELD_INTEGER:
		return add_integers(out, was, by);
	case FIELD_NUMBER:
		return decimal_add(out, was, by);
	}
	UNREACHABLE("field type");
}

bool document_increment(const struct collection *c, struct document *d,
    struct jsonraw by, struct arena *arena)
{
	const struct document before = *d;
	struct jsonraw_member m = jsonraw_members(by);
	struct buf sum = {0};
	bool fits = true;
	while (fits && jsonraw_next(&m)) {
		size_t i = field_of(c, m.name);
		if (i == c->nfields)
			continue;
		fits = add(c->fields[i].type, before.values[i], m.value, &sum);
		if (fits)
			d->values[i] = arena_keep(arena, sum.data, sum.len);
	}
	buf_free(&sum);
	if (!fits)
		*d = before;
	return fits;
}

struct jsonraw document_write(
    const struct collection *c, const struct document *d, struct arena *arena)
{
	struct buf b = {0};
	buf_char(&b, '{');
	for (size_t i = 0; i < c->nfields; i++) {
		if (d->values[i].s == NULL)
			continue;
		buf_printf(
		    &b, "%s\"%s\":", b.len > 1 ? "," : "", c->fields[i].name);
		buf_add(&b, d->values[i].s, d->values[i].len);
	}
	buf_char(&b, '}');
	struct jsonraw out = arena_keep(arena, b.data, b.len);
	buf_free(&b);
	return out;
}
