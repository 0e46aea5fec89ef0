#include "common/sql/sql_relation.h"

#include "common/base/mem.h"
#include "common/sql/sql.h"
#include "common/sql/sql_key.h"
#include "common/sql/sql_table.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ID_BLOCK = 1000 };

/* --- names --------------------------------------------------------------- */

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

/* An index for lists on the field is one. */
static bool needs_index(const struct collection *c, const struct field *f)
{
	for (size_t i = 1; i < c->ncolumns; i++) {
		if (c->columns[i].field == f && c->columns[i].path == NULL)
			return false;
	}
	return true;
}

static bool begins_with(const struct list_index *x, const struct reference *r)
{
	for (size_t i = 0; i < r->n; i++) {
		if (i == x->n || x->columns[i]->field != r->fields[i] ||
		    x->columns[i]->path)
			return false;
	}
	return true;
}

static bool key_begins_with(
    const struct collection *c, const struct reference *r)
{
	for (size_t i = 0; i < r->n; i++) {
		if (i == c->nparts || c->parts[i] != r->fields[i])
			return false;
	}
	return true;
}

/* Postgres has no index of its own on the fields that refer, and would read the
 * whole table before it deletes a document that may be referred to. */
static bool reference_needs_index(
    const struct collection *c, const struct reference *r)
{
	if (r->n == 1)
		return needs_index(c, r->fields[0]);
	for (size_t i = 0; i < c->nindexes; i++) {
		if (begins_with(&c->indexes[i], r))
			return false;
	}
	return !key_begins_with(c, r);
}

/* In this order: indexes for lists, first those on one column; the sequence;
 * unique constraints; indexes for references; the one of `expires`. */
static bool relation_at(
    struct sql_relation *out, const struct collection *c, size_t i)
{
	size_t lists = c->ncolumns - 1, sequence = c->key == KEY_INTEGER;
	if (i < lists) {
		out->kind = SQL_RELATION_LIST;
		out->of = i + 1;
		sql_table_name(out->name, c, c->columns[i + 1].name, "list");
		return true;
	}
	i -= lists;
	if (i < c->nindexes) {
		out->kind = SQL_RELATION_INDEX;
		out->of = i;
		index_name(out->name, c, &c->indexes[i]);
		return true;
	}
	i -= c->nindexes;
	if (i < sequence) {
		out->kind = SQL_RELATION_SEQUENCE;
		sql_table_name(out->name, c, c->key_name, "seq");
		return true;
	}
	i -= sequence;
	if (i < c->nuniques) {
		out->kind = SQL_RELATION_UNIQUE;
		out->of = i;
		unique_name(out->name, c, &c->uniques[i]);
		return true;
	}
	i -= c->nuniques;
	out->kind = SQL_RELATION_REFERENCE;
	for (out->of = 0; out->of < c->nreferences; out->of++) {
		const struct reference *r = &c->references[out->of];
		if (reference_needs_index(c, r) && i-- == 0) {
			sql_table_reference_name(out->name, c, r, "ref");
			return true;
		}
	}
	if (c->expires == NULL || !needs_index(c, c->expires) || i > 0)
		return false;
	out->kind = SQL_RELATION_EXPIRES;
	sql_table_name(out->name, c, c->expires->name, "expires");
	return true;
}

bool sql_relation_name(
    char out[SQL_TABLE_NAME_LEN], const struct collection *c, size_t i)
{
	struct sql_relation x;
	if (i == 0) {
		snprintf(out, SQL_TABLE_NAME_LEN, "%s", c->table.name);
		return true;
	}
	if (!relation_at(&x, c, i - 1))
		return false;
	memcpy(out, x.name, sizeof x.name);
	return true;
}

struct named {
	char name[SQL_TABLE_NAME_LEN];
	const struct collection *of;
};

static int by_relation(const void *a, const void *b)
{
	const struct named *x = a, *y = b;
	int order = strcmp(x->name, y->name);
	return order ? order : strcmp(x->of->table.schema, y->of->table.schema);
}

/* By name. Returns owned. */
static struct named *all_relations(sql_relation_each at, void *arg, size_t *n)
{
	struct named *all = NULL, one;
	size_t cap = 0;
	*n = 0;
	for (size_t i = 0; (one.of = at(arg, i)) != NULL; i++) {
		for (size_t k = 0; sql_relation_name(one.name, one.of, k);
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
struct err sql_relation_check(sql_relation_each at, void *arg)
{
	size_t n;
	struct named *all = all_relations(at, arg, &n);
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

struct err sql_relation_check_loaded(void)
{
	return sql_relation_check(loaded_at, NULL);
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
	    column_is_text(l->column) ? " COLLATE \"C\"" : "",
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
	for (size_t i = 0; i < r->n; i++) {
		buf_str(out, i ? ", " : "");
		sql_ident(out, r->fields[i]->stored);
	}
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

/* The last block ends where the key's type ends. */
static void key_sequence(
    struct buf *out, const struct collection *c, const char *name)
{
	buf_printf(out, "CREATE SEQUENCE %s.\"%s\" INCREMENT BY %d",
	    sql_table_sequence_schema(c), name, (int)ID_BLOCK);
	if (c->key_format == FORMAT_INT32)
		buf_printf(out, " MAXVALUE %d", INT32_MAX - (int)ID_BLOCK + 1);
	else if (c->key_format == FORMAT_INT16)
		buf_printf(out, " MAXVALUE %d", INT16_MAX - (int)ID_BLOCK + 1);
}

static char *sql_relation_sql(
    const struct collection *c, const struct sql_relation *x)
{
	struct buf b = {0};
	switch (x->kind) {
	case SQL_RELATION_LIST:
		list_index(&b, c,
		    &(struct list_index){
			.columns = {&c->columns[x->of]}, .n = 1},
		    x->name);
		break;
	case SQL_RELATION_INDEX:
		list_index(&b, c, &c->indexes[x->of], x->name);
		break;
	case SQL_RELATION_SEQUENCE:
		key_sequence(&b, c, x->name);
		break;
	case SQL_RELATION_UNIQUE:
		unique_constraint(&b, c, &c->uniques[x->of], x->name);
		break;
	case SQL_RELATION_REFERENCE:
		reference_index(&b, c, &c->references[x->of], x->name);
		break;
	case SQL_RELATION_EXPIRES:
		expires_index(&b, c, x->name);
		break;
	}
	return buf_take(&b, NULL);
}

struct sql_relation *sql_relation_all(const struct collection *c, size_t *n)
{
	struct sql_relation *all = NULL, one;
	size_t cap = 0;
	for (*n = 0; relation_at(&one, c, *n); (*n)++) {
		MEM_GROW(all, cap, *n);
		one.sql = sql_relation_sql(c, &one);
		all[*n] = one;
	}
	return all;
}

void sql_relation_free(struct sql_relation *extras, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(extras[i].sql);
	free(extras);
}
