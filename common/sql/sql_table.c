#include "common/sql/sql_table.h"

#include "common/base/check.h"
#include "common/base/mem.h"
#include "common/sql/sql.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

void sql_table_name(char out[SQL_TABLE_NAME_LEN], const struct collection *c,
    const char *a, const char *b)
{
	struct buf whole = {0};
	buf_printf(&whole, "%s_%s%s%s", c->name, a, b ? "_" : "", b ? b : "");
	if (whole.len < SQL_TABLE_NAME_LEN)
		memcpy(out, whole.data, whole.len + 1);
	else
		snprintf(out, SQL_TABLE_NAME_LEN, "%.52s_%08" PRIx32,
		    whole.data, (uint32_t)XXH3_64bits(whole.data, whole.len));
	buf_free(&whole);
}

/* --- literals ------------------------------------------------------------ */

static void array_literal(
    struct buf *out, const struct field *f, struct jsonslice v);

/* A JSON value as a literal of the column. It is quoted, so that Postgres reads
 * it as the column's type and loses no digit. */
static void literal(struct buf *out, const struct field *f, struct jsonslice v)
{
	struct buf text = {0};
	if (f->column == COLUMN_ARRAY && jsonslice_kind(v) == JSONSLICE_ARRAY) {
		array_literal(out, f, v);
		return;
	}
	if (jsonslice_kind(v) == JSONSLICE_NULL) {
		buf_str(out, "NULL");
		return;
	}
	buf_str(&text, "");
	if (jsonslice_kind(v) == JSONSLICE_STRING)
		jsonslice_text(&text, v);
	else
		buf_add(&text, v.s, v.len);
	if (f->column == COLUMN_BYTEA) {
		buf_str(out, "decode(");
		sql_literal(out, text.data, text.len);
		buf_str(out, ", 'base64')");
	} else {
		sql_literal(out, text.data, text.len);
		buf_str(out, "::");
		sql_type(out, f);
	}
	buf_free(&text);
}

static void array_literal(
    struct buf *out, const struct field *f, struct jsonslice v)
{
	struct jsonslice_element e = jsonslice_elements(v);
	buf_str(out, "ARRAY[");
	for (size_t i = 0; jsonslice_each(&e); i++) {
		buf_str(out, i ? ", " : "");
		literal(out, f->items, e.value);
	}
	buf_str(out, "]::");
	sql_type(out, f);
}

/* --- columns ------------------------------------------------------------- */

void sql_table_column(struct buf *out, const struct field *f)
{
	sql_ident(out, f->stored);
	buf_char(out, ' ');
	sql_type(out, f);
	if (f->in_key && column_is_text(f->column))
		buf_str(out, " COLLATE \"C\"");
	buf_str(out, f->nullable ? "" : " NOT NULL");
	if (f->otherwise.s == NULL)
		return;
	buf_str(out, " DEFAULT ");
	literal(out, f, f->otherwise);
}

/* --- constraints --------------------------------------------------------- */

static const char *suffix_of(enum field_fault fault)
{
	switch (fault) {
	case FAULT_MIN_LENGTH:
		return "min_length";
	case FAULT_MAX_LENGTH:
		return "max_length";
	case FAULT_CHOICES:
		return "enum";
	case FAULT_MINIMUM:
		return "minimum";
	case FAULT_EXCLUSIVE_MINIMUM:
		return "exclusive_minimum";
	case FAULT_MAXIMUM:
		return "maximum";
	case FAULT_NONE:
	case FAULT_NULL:
	case FAULT_TYPE:
	case FAULT_FORMAT:
	case FAULT_PATTERN:
	case FAULT_COMPLEX:
	case FAULT_ITEMS:
		break;
	}
	return NULL;
}

bool sql_table_check_name(char out[SQL_TABLE_NAME_LEN],
    const struct collection *c, const struct field *f, enum field_fault fault)
{
	const char *suffix = suffix_of(fault);
	/* A length that only a pattern implies has no CHECK. */
	if (suffix == NULL || (fault == FAULT_MAX_LENGTH && !f->has_max_length))
		return false;
	sql_table_name(out, c, f->name, suffix);
	return true;
}

struct checks {
	const struct collection *c;
	const struct field *f;
	struct sql_table_check *list;
	size_t n, cap;
};

static struct sql_table_check *sql_table_add(
    struct checks *s, struct buf *expression)
{
	MEM_GROW(s->list, s->cap, s->n);
	struct sql_table_check *k = &s->list[s->n++];
	k->expression = buf_take(expression, NULL);
	return k;
}

static void add_for(
    struct checks *s, enum field_fault fault, struct buf *expression)
{
	CHECK(sql_table_check_name(
	    sql_table_add(s, expression)->name, s->c, s->f, fault));
}

static void add_length(
    struct checks *s, enum field_fault fault, const char *op, size_t n)
{
	struct buf b = {0};
	buf_str(&b, "char_length(");
	sql_ident(&b, s->f->stored);
	buf_printf(&b, ") %s %zu", op, n);
	add_for(s, fault, &b);
}

static void add_bound(struct checks *s, enum field_fault fault, const char *op,
    struct jsonslice bound)
{
	struct buf b = {0};
	sql_ident(&b, s->f->stored);
	buf_printf(&b, " %s ", op);
	literal(&b, s->f, bound);
	add_for(s, fault, &b);
}

static void add_choices(struct checks *s)
{
	struct buf b = {0};
	sql_ident(&b, s->f->stored);
	buf_str(&b, " IN (");
	struct jsonslice_element e = jsonslice_elements(s->f->choices);
	for (size_t i = 0; jsonslice_each(&e); i++) {
		buf_str(&b, i ? ", " : "");
		literal(&b, s->f, e.value);
	}
	buf_char(&b, ')');
	add_for(s, FAULT_CHOICES, &b);
}

static void add_json_type(struct checks *s)
{
	struct buf b = {0};
	buf_str(&b, "jsonb_typeof(");
	sql_ident(&b, s->f->stored);
	buf_printf(&b, ") = '%s'", field_type_name(s->f->type));
	sql_table_name(sql_table_add(s, &b)->name, s->c, s->f->name, "type");
}

static void add_field(struct checks *s)
{
	const struct field *f = s->f;
	if (f->has_min_length && f->min_length > 0)
		add_length(s, FAULT_MIN_LENGTH, ">=", f->min_length);
	if (f->has_max_length)
		add_length(s, FAULT_MAX_LENGTH, "<=", f->max_length);
	if (f->minimum.s)
		add_bound(s, FAULT_MINIMUM, ">=", f->minimum);
	if (f->exclusive_minimum.s)
		add_bound(
		    s, FAULT_EXCLUSIVE_MINIMUM, ">", f->exclusive_minimum);
	if (f->maximum.s)
		add_bound(s, FAULT_MAXIMUM, "<=", f->maximum);
	if (f->choices.s && f->column != COLUMN_ENUM)
		add_choices(s);
	if (f->column == COLUMN_JSONB)
		add_json_type(s);
}

struct sql_table_check *sql_table_checks(const struct collection *c, size_t *n)
{
	struct checks s = {.c = c};
	for (size_t i = 0; i < c->nfields; i++) {
		s.f = &c->fields[i];
		add_field(&s);
	}
	*n = s.n;
	return s.list;
}

void sql_table_checks_free(struct sql_table_check *checks, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(checks[i].expression);
	free(checks);
}

/* --- the whole ----------------------------------------------------------- */

void sql_table_body(struct buf *out, const struct collection *c)
{
	size_t n;
	struct sql_table_check *checks = sql_table_checks(c, &n);
	buf_str(out, "(\n  ");
	if (c->nparts == 0) {
		sql_ident(out, c->table.key);
		buf_printf(out, " %s%s PRIMARY KEY,\n  ",
		    column_type_name(key_column(c)),
		    c->key == KEY_STRING ? " COLLATE \"C\"" : "");
	}
	for (size_t i = 0; i < c->nfields; i++) {
		sql_table_column(out, &c->fields[i]);
		buf_str(out, ",\n  ");
	}
	for (size_t i = 0; c->table.times && i < 2; i++) {
		sql_ident(out, i ? c->table.updated_at : c->table.created_at);
		buf_str(out, " timestamptz NOT NULL,\n  ");
	}
	sql_ident(out, c->table.version);
	buf_str(out, " bigint NOT NULL");
	if (c->nparts) {
		buf_str(out, ",\n  PRIMARY KEY (");
		for (size_t i = 0; i < c->nparts; i++) {
			buf_str(out, i ? ", " : "");
			sql_ident(out, c->parts[i]->stored);
		}
		buf_char(out, ')');
	}
	for (size_t i = 0; i < n; i++)
		buf_printf(out, ",\n  CONSTRAINT \"%s\" CHECK (%s)",
		    checks[i].name, checks[i].expression);
	buf_str(out, "\n) WITH (fillfactor = 80)");
	sql_table_checks_free(checks, n);
}

/* --- references ---------------------------------------------------------- */

void sql_table_reference_name(char out[SQL_TABLE_NAME_LEN],
    const struct collection *c, const struct reference *r, const char *suffix)
{
	struct buf names = {0};
	for (size_t i = 0; i < r->n; i++)
		buf_printf(&names, "%s%s", i ? "_" : "", r->fields[i]->name);
	sql_table_name(out, c, names.data, suffix);
	buf_free(&names);
}

void sql_table_reference(struct buf *out, const struct reference *r)
{
	const struct collection *to =
	    collection_find(r->collection, strlen(r->collection));
	CHECK(to != NULL); /* collections_load checked it */
	buf_str(out, "FOREIGN KEY (");
	for (size_t i = 0; i < r->n; i++) {
		buf_str(out, i ? ", " : "");
		sql_ident(out, r->fields[i]->stored);
	}
	buf_str(out, ") REFERENCES ");
	sql_name(out, to);
	for (size_t i = 0; i < r->n; i++) {
		buf_str(out, i ? ", " : "(");
		sql_ident(out, to->key_columns[i].stored);
	}
	buf_char(out, ')');
}

/* --- the sequence of a key ------------------------------------------------ */

/* In the schema of an operator's table nothing is made. */
const char *sql_table_sequence_schema(const struct collection *c)
{
	return c->table.foreign ? "sluice" : "public";
}

void sql_table_sequence(struct buf *out, const struct collection *c)
{
	char name[SQL_TABLE_NAME_LEN];
	struct buf table = {0};
	sql_table_name(name, c, c->key_name, "seq");
	if (c->table.foreign) {
		sql_name(&table, c);
		buf_str(out, "coalesce(pg_get_serial_sequence(");
		sql_literal(out, table.data, table.len);
		buf_str(out, ", ");
		sql_literal(out, c->table.key, strlen(c->table.key));
		buf_str(out, "), ");
		buf_free(&table);
	}
	buf_printf(out, "'%s.\"%s\"'%s", sql_table_sequence_schema(c), name,
	    c->table.foreign ? ")" : "");
}

void sql_table_reserve(struct buf *out, const struct collection *c)
{
	struct buf table = {0};
	sql_name(&table, c);
	buf_str(out, "SELECT r.first, r.n, r.free_to FROM sluice.reserve(");
	sql_table_sequence(out, c);
	buf_str(out, "::regclass, ");
	sql_literal(out, table.data, table.len);
	buf_str(out, "::regclass, ");
	sql_literal(out, c->table.key, strlen(c->table.key));
	buf_str(out, "::name, $1::int4, $2::int8) r");
	buf_free(&table);
}
