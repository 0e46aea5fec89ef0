#include "common/sql/sql_table.h"

#include "common/base/check.h"
#include "common/base/mem.h"
#include "common/sql/sql.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum { ID_BLOCK = 1000 };

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
	if (f->in_key && f->column == COLUMN_TEXT)
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

/* --- beside the table ---------------------------------------------------- */

static void unique_name(char out[SQL_TABLE_NAME_LEN],
    const struct collection *c, const struct unique *u)
{
	struct buf names = {0};
	for (size_t i = 0; i < u->n; i++)
		buf_printf(&names, "%s%s", i ? "_" : "", u->fields[i]->name);
	sql_table_name(out, c, names.data, "unique");
	buf_free(&names);
}

static void index_name(char out[SQL_TABLE_NAME_LEN], const struct collection *c,
    const struct list_index *x)
{
	struct buf names = {0};
	for (size_t i = 0; i < x->n; i++)
		buf_printf(&names, "%s%s%s", i ? "_" : "", x->columns[i]->name,
		    x->descending[i] ? "_desc" : "");
	sql_table_name(out, c, names.data, "index");
	buf_free(&names);
}

/* Postgres has no index of its own on the fields that refer, and would read the
 * whole table before it deletes a document that may be referred to. An index
 * for lists is one. */
static bool needs_index(const struct collection *c, const struct field *f)
{
	for (size_t i = 1; i < c->ncolumns; i++) {
		if (c->columns[i].field == f && c->columns[i].path == NULL)
			return false;
	}
	return true;
}

/* In this order: indexes for lists, first those on one column; the sequence;
 * unique constraints; indexes for references; the one of `expires`. */
static bool relation_at(
    struct sql_table_extra *out, const struct collection *c, size_t i)
{
	size_t lists = c->ncolumns - 1, sequence = c->key == KEY_INTEGER;
	if (i < lists) {
		out->kind = SQL_TABLE_LIST;
		out->of = i + 1;
		sql_table_name(out->name, c, c->columns[i + 1].name, "list");
		return true;
	}
	i -= lists;
	if (i < c->nindexes) {
		out->kind = SQL_TABLE_INDEX;
		out->of = i;
		index_name(out->name, c, &c->indexes[i]);
		return true;
	}
	i -= c->nindexes;
	if (i < sequence) {
		out->kind = SQL_TABLE_SEQUENCE;
		sql_table_name(out->name, c, c->key_name, "seq");
		return true;
	}
	i -= sequence;
	if (i < c->nuniques) {
		out->kind = SQL_TABLE_UNIQUE;
		out->of = i;
		unique_name(out->name, c, &c->uniques[i]);
		return true;
	}
	i -= c->nuniques;
	out->kind = SQL_TABLE_REFERENCE;
	for (out->of = 0; out->of < c->nreferences; out->of++) {
		const struct reference *r = &c->references[out->of];
		if (needs_index(c, r->field) && i-- == 0) {
			sql_table_name(out->name, c, r->field->name, "ref");
			return true;
		}
	}
	if (c->expires == NULL || !needs_index(c, c->expires) || i > 0)
		return false;
	out->kind = SQL_TABLE_EXPIRES;
	sql_table_name(out->name, c, c->expires->name, "expires");
	return true;
}

bool sql_table_relation(
    char out[SQL_TABLE_NAME_LEN], const struct collection *c, size_t i)
{
	struct sql_table_extra x;
	if (i == 0) {
		snprintf(out, SQL_TABLE_NAME_LEN, "%s", c->table.name);
		return true;
	}
	if (!relation_at(&x, c, i - 1))
		return false;
	memcpy(out, x.name, sizeof x.name);
	return true;
}

struct relation {
	char name[SQL_TABLE_NAME_LEN];
	const struct collection *of;
};

static int by_relation(const void *a, const void *b)
{
	const struct relation *x = a, *y = b;
	int order = strcmp(x->name, y->name);
	return order ? order : strcmp(x->of->table.schema, y->of->table.schema);
}

/* By name. Returns owned. */
static struct relation *all_relations(sql_table_each at, void *arg, size_t *n)
{
	struct relation *all = NULL, one;
	size_t cap = 0;
	*n = 0;
	for (size_t i = 0; (one.of = at(arg, i)) != NULL; i++) {
		for (size_t k = 0; sql_table_relation(one.name, one.of, k);
		     k++) {
			MEM_GROW(all, cap, *n);
			all[(*n)++] = one;
		}
	}
	if (*n)
		qsort(all, *n, sizeof *all, by_relation);
	return all;
}

/* The index a_b_c_list may belong to a_b and its field c, or to a and its field
 * b_c. It would be created once, and silently be missing for the other one. */
struct err sql_table_check_relations(sql_table_each at, void *arg)
{
	size_t n;
	struct relation *all = all_relations(at, arg, &n);
	struct err e = ERR_OK;
	for (size_t i = 1; i < n && e.kind == ERR_KIND_OK; i++) {
		if (by_relation(&all[i - 1], &all[i]) == 0)
			e = err_make(ERR_KIND_FATAL, "collections",
			    "%s and %s: both need a table, an index or a "
			    "sequence with the name %s in the database",
			    all[i - 1].of->name, all[i].of->name, all[i].name);
	}
	free(all);
	return e;
}

static const struct collection *loaded_at(void *arg, size_t i)
{
	(void)arg;
	return collection_at(i);
}

struct err sql_table_check_loaded(void)
{
	return sql_table_check_relations(loaded_at, NULL);
}

/* A member of an object has no declared length: the index has its beginning. */
static void indexed(
    struct buf *out, const struct list_column *l, bool descending)
{
	buf_str(out, l->path ? "left(" : "");
	sql_list_column(out, "", l);
	if (l->path)
		buf_printf(out, ", %d)", (int)COLLECTION_INDEXED);
	buf_printf(out, "%s%s, ",
	    l->column == COLUMN_TEXT ? " COLLATE \"C\"" : "",
	    descending ? " DESC" : "");
}

/* The index on the key's columns has the collation of the column. */
static void key_behind(
    struct buf *out, const struct collection *c, const char *way)
{
	if (c->nparts) {
		sql_key_columns(out, c, "", way);
		return;
	}
	sql_ident(out, c->table.key);
	buf_str(out, way);
}

static void list_index(struct buf *out, const struct collection *c,
    const struct list_index *x, const char *name)
{
	buf_printf(out, "CREATE INDEX \"%s\" ON ", name);
	sql_name(out, c);
	buf_str(out, " (");
	for (size_t i = 0; i < x->n; i++)
		indexed(out, x->columns[i], x->descending[i]);
	key_behind(out, c, x->descending[x->n - 1] ? " DESC" : "");
	buf_char(out, ')');
}

static void unique_constraint(struct buf *out, const struct collection *c,
    const struct unique *u, const char *name)
{
	buf_str(out, "ALTER TABLE ");
	sql_name(out, c);
	buf_printf(out, " ADD CONSTRAINT \"%s\" UNIQUE (", name);
	for (size_t i = 0; i < u->n; i++) {
		buf_str(out, i ? ", " : "");
		sql_ident(out, u->fields[i]->stored);
	}
	buf_char(out, ')');
}

static void reference_index(struct buf *out, const struct collection *c,
    const struct reference *r, const char *name)
{
	buf_printf(out, "CREATE INDEX \"%s\" ON ", name);
	sql_name(out, c);
	buf_str(out, " (");
	sql_ident(out, r->field->stored);
	buf_char(out, ')');
}

/* In the order in which the writer looks for what has expired. */
static void expires_index(
    struct buf *out, const struct collection *c, const char *name)
{
	const struct list_column of = {
	    .stored = c->expires->stored, .column = c->expires->column};
	list_index(
	    out, c, &(struct list_index){.columns = {&of}, .n = 1}, name);
}

/* In the schema of an operator's table nothing is made. */
static const char *sequence_schema(const struct collection *c)
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
	buf_printf(out, "'%s.\"%s\"'%s", sequence_schema(c), name,
	    c->table.foreign ? ")" : "");
}

/* The last block ends where the key's type ends. */
static void key_sequence(
    struct buf *out, const struct collection *c, const char *name)
{
	buf_printf(out, "CREATE SEQUENCE %s.\"%s\" INCREMENT BY %d",
	    sequence_schema(c), name, (int)ID_BLOCK);
	if (c->key_format == FORMAT_INT32)
		buf_printf(out, " MAXVALUE %d", INT32_MAX - (int)ID_BLOCK + 1);
	else if (c->key_format == FORMAT_INT16)
		buf_printf(out, " MAXVALUE %d", INT16_MAX - (int)ID_BLOCK + 1);
}

static char *sql_table_extra_sql(
    const struct collection *c, const struct sql_table_extra *x)
{
	struct buf b = {0};
	switch (x->kind) {
	case SQL_TABLE_LIST:
		list_index(&b, c,
		    &(struct list_index){
			.columns = {&c->columns[x->of]}, .n = 1},
		    x->name);
		break;
	case SQL_TABLE_INDEX:
		list_index(&b, c, &c->indexes[x->of], x->name);
		break;
	case SQL_TABLE_SEQUENCE:
		key_sequence(&b, c, x->name);
		break;
	case SQL_TABLE_UNIQUE:
		unique_constraint(&b, c, &c->uniques[x->of], x->name);
		break;
	case SQL_TABLE_REFERENCE:
		reference_index(&b, c, &c->references[x->of], x->name);
		break;
	case SQL_TABLE_EXPIRES:
		expires_index(&b, c, x->name);
		break;
	}
	return buf_take(&b, NULL);
}

struct sql_table_extra *sql_table_extras(const struct collection *c, size_t *n)
{
	struct sql_table_extra *all = NULL, one;
	size_t cap = 0;
	for (*n = 0; relation_at(&one, c, *n); (*n)++) {
		MEM_GROW(all, cap, *n);
		one.sql = sql_table_extra_sql(c, &one);
		all[*n] = one;
	}
	return all;
}

void sql_table_reference_name(char out[SQL_TABLE_NAME_LEN],
    const struct collection *c, const struct reference *r)
{
	sql_table_name(out, c, r->field->name, "references");
}

void sql_table_reference(struct buf *out, const struct reference *r)
{
	const struct collection *to =
	    collection_find(r->collection, strlen(r->collection));
	CHECK(to != NULL); /* collections_load checked it */
	buf_str(out, "FOREIGN KEY (");
	sql_ident(out, r->field->stored);
	buf_str(out, ") REFERENCES ");
	sql_name(out, to);
	buf_char(out, '(');
	sql_ident(out, to->table.key);
	buf_char(out, ')');
}

void sql_table_extras_free(struct sql_table_extra *extras, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(extras[i].sql);
	free(extras);
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
