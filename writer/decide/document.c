#include "writer/decide/document.h"

#include "common/json/decimal.h"
#include "writer/decide/jsonmerge.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static bool is_null(struct jsonslice v)
{
	return v.s == NULL || jsonslice_kind(v) == JSONSLICE_NULL;
}

/* --- faults -------------------------------------------------------------- */

/* Describes why the column does not accept the value; empty: it does. */
static void field_fault(const struct field *f, enum record_op op,
    struct jsonslice v, struct buf *out)
{
	if (op != RECORD_INCREMENT) {
		unsigned faults = field_column_faults(f, v);
		field_explain(out, f, v, (enum field_fault)(faults & -faults));
		return;
	}
	const struct field any = {.name = f->name,
	    .type = f->type,
	    .max_digits = f->max_digits,
	    .json_string = f->json_string};
	if (!field_is_number(f))
		buf_str(out, "cannot be incremented");
	else if (field_column_faults(&any, v))
		field_explain(out, &any, v, FAULT_TYPE);
}

/* A required field that a put leaves out. */
static const struct field *missing(const struct collection *c, uint64_t seen)
{
	for (size_t i = 0; i < c->nfields; i++) {
		const struct field *f = &c->fields[i];
		if (!(seen >> i & 1) && !f->nullable && !f->read_only &&
		    !f->in_key && f->otherwise.s == NULL)
			return f;
	}
	return NULL;
}

void document_fault(const struct collection *c, enum record_op op,
    struct jsonslice object, char out[DOCUMENT_FAULT_LEN])
{
	uint64_t seen = 0;
	struct jsonslice_member m = jsonslice_members(object);
	struct buf what = {0};
	out[0] = '\0';
	while (out[0] == '\0' && jsonslice_next(&m)) {
		size_t i = collection_field(c, m.name);
		if (i == c->nfields)
			continue;
		seen |= UINT64_C(1) << i;
		field_fault(&c->fields[i], op, m.value, &what);
		if (what.len)
			snprintf(out, DOCUMENT_FAULT_LEN, "%s %s",
			    c->fields[i].name, what.data);
	}
	buf_free(&what);
	const struct field *f =
	    op == RECORD_PUT && out[0] == '\0' ? missing(c, seen) : NULL;
	if (f)
		snprintf(out, DOCUMENT_FAULT_LEN, "%s is required", f->name);
}

/* --- constraints --------------------------------------------------------- */

/* Checks the declared keywords as the API does, without those that only the API
 * checks. */
static unsigned check_faults(const struct field *f, struct jsonslice v)
{
	struct field bare = *f;
	bare.pattern = NULL;
	if (column_is_text(f->column))
		bare.format = FORMAT_NONE;
	return is_null(v) ? 0 : field_faults(&bare, v);
}

static void document_take_first(const struct collection *c,
    const struct field *f, unsigned faults, char name[SQL_TABLE_NAME_LEN])
{
	char one[SQL_TABLE_NAME_LEN];
	for (; faults; faults &= faults - 1) {
		enum field_fault fault = (enum field_fault)(faults & -faults);
		if (sql_table_check_name(one, c, f, fault) &&
		    (name[0] == '\0' || strcmp(one, name) < 0))
			memcpy(name, one, sizeof one);
	}
}

bool document_breaks(const struct collection *c, const struct document *d,
    const struct document *before, char name[SQL_TABLE_NAME_LEN])
{
	name[0] = '\0';
	for (size_t i = 0; i < c->nfields; i++) {
		struct jsonslice v = d->values[i];
		if (!c->fields[i].read_only &&
		    (before == NULL || before->values[i].s != v.s))
			document_take_first(c, &c->fields[i],
			    check_faults(&c->fields[i], v), name);
	}
	return name[0] != '\0';
}

/* --- changes ------------------------------------------------------------- */

/* The value of a field that the document leaves out. The API has filled it in,
 * unless the write is older than the field. */
static struct jsonslice default_of(const struct field *f)
{
	return is_null(f->otherwise) ? (struct jsonslice){0}
				     : field_bare(f, f->otherwise);
}

void document_read(
    const struct collection *c, struct jsonslice object, struct document *out)
{
	struct jsonslice_member m = jsonslice_members(object);
	*out = (struct document){0};
	for (size_t i = 0; i < c->nfields; i++)
		out->values[i] = default_of(&c->fields[i]);
	while (jsonslice_next(&m)) {
		size_t i = collection_field(c, m.name);
		if (i < c->nfields)
			out->values[i] =
			    is_null(m.value)
				? (struct jsonslice){0}
				: field_bare(&c->fields[i], m.value);
	}
}

static struct jsonslice merged(
    struct jsonslice was, struct jsonslice patch, struct arena *arena)
{
	if (is_null(patch))
		return (struct jsonslice){0};
	if (jsonslice_kind(patch) != JSONSLICE_OBJECT)
		return patch;
	struct buf b = {0};
	jsonmerge(&b, was, patch);
	struct jsonslice out = arena_keep(arena, b.data, b.len);
	buf_free(&b);
	return out;
}

/* Of members with equal names only the last one counts. */
void document_patch(const struct collection *c, struct document *d,
    struct jsonslice patch, struct arena *arena)
{
	struct document by = {0};
	struct jsonslice_member m = jsonslice_members(patch);
	while (jsonslice_next(&m)) {
		size_t i = collection_field(c, m.name);
		if (i < c->nfields)
			by.values[i] = field_bare(&c->fields[i], m.value);
	}
	for (size_t i = 0; i < c->nfields; i++) {
		const struct field *f = &c->fields[i];
		if (by.values[i].s == NULL)
			continue;
		d->values[i] = merged(d->values[i], by.values[i], arena);
		if (d->values[i].s == NULL && !f->nullable)
			d->values[i] = default_of(f);
	}
}

static bool add_integers(struct buf *out, const struct field *f,
    struct jsonslice a, struct jsonslice b)
{
	int64_t x, y, sum;
	if (!decimal_int64(a, &x) || !decimal_int64(b, &y) ||
	    __builtin_add_overflow(x, y, &sum) ||
	    !field_integer_fits(f->format, sum))
		return false;
	buf_printf(out, "%" PRId64, sum);
	return true;
}

static bool document_add(const struct field *f, struct jsonslice was,
    struct jsonslice by, struct buf *out)
{
	static const struct jsonslice zero = {"0", 1};
	buf_clear(out);
	if (is_null(was))
		was = zero;
	if (jsonslice_kind(was) != JSONSLICE_NUMBER)
		return false; /* Postgres's "NaN" */
	return f->type == FIELD_INTEGER
		   ? add_integers(out, f, was, by)
		   : decimal_add(out, was, by, field_max_digits(f));
}

bool document_increment(const struct collection *c, struct document *d,
    struct jsonslice by, struct arena *arena)
{
	const struct document before = *d;
	struct jsonslice_member m = jsonslice_members(by);
	struct buf sum = {0};
	bool fits = true;
	while (fits && jsonslice_next(&m)) {
		size_t i = collection_field(c, m.name);
		if (i == c->nfields)
			continue;
		const struct field *f = &c->fields[i];
		fits = field_is_number(f) && document_add(f, before.values[i],
						 field_bare(f, m.value), &sum);
		if (fits)
			d->values[i] = arena_keep(arena, sum.data, sum.len);
	}
	buf_free(&sum);
	if (!fits)
		*d = before;
	return fits;
}

struct jsonslice document_write(
    const struct collection *c, const struct document *d, struct arena *arena)
{
	struct buf b = {0};
	buf_char(&b, '{');
	for (size_t i = 0; i < c->nfields; i++) {
		struct jsonslice v = d->values[i];
		if (v.s == NULL && c->fields[i].otherwise.s == NULL)
			continue;
		/* Left out, it would have its default. */
		if (v.s == NULL)
			v = (struct jsonslice){"null", 4};
		buf_printf(
		    &b, "%s\"%s\":", b.len > 1 ? "," : "", c->fields[i].name);
		buf_add(&b, v.s, v.len);
	}
	buf_char(&b, '}');
	struct jsonslice out = arena_keep(arena, b.data, b.len);
	buf_free(&b);
	return out;
}
