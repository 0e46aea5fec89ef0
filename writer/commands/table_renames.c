/* Fields that had another name (`was`): their columns get the new one, and so
 * does what Sluice has named after them.
 *
 * A column is renamed only if the former name is there and the new one is not,
 * so a second run finds nothing to do. A field with a column of another name
 * (`columns`) keeps that column. The operator's table is left to the operator.
 */
#include "writer/commands/tables_priv.h"

#include "common/base/mem.h"
#include "common/sql/sql.h"
#include "common/sql/sql_relation.h"
#include "common/sql/sql_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool table_renames_made(const struct tables *t, const char *name)
{
	for (size_t i = 0; i < t->names.len;
	     i += strlen(t->names.data + i) + 1) {
		if (strcmp(t->names.data + i, name) == 0)
			return true;
	}
	return false;
}

static struct err run_rename(struct tables *t, const char *relation,
    const char *what, const char *from, const char *to)
{
	struct buf sql = {0};
	buf_printf(&sql, "ALTER %s ", relation);
	if (strcmp(relation, "INDEX") == 0)
		buf_printf(&sql, "public.\"%s\"", from);
	else
		sql_name(&sql, t->c);
	buf_printf(&sql, " RENAME %s", what);
	if (*what) {
		sql_ident(&sql, from);
		buf_char(&sql, ' ');
	}
	buf_str(&sql, "TO ");
	sql_ident(&sql, to);
	struct err e = tables_run(t, sql.data);
	buf_free(&sql);
	return e;
}

/* --- columns ------------------------------------------------------------- */

static struct err has_column(struct tables *t, const char *name, bool *out)
{
	PGresult *r;
	struct err e = tables_ask(t, &tables_column, name, &r);
	return tables_is(e, r, out);
}

/* Says what the operator can do. */
static void cannot_rename(
    struct tables *t, const struct field *f, bool was, bool is)
{
	struct buf why = {0}, table = {0};
	sql_name(&table, t->c);
	if (was && is)
		buf_printf(&why,
		    "it has both columns %s and %s, and \"was\" says that they "
		    "are one: copy the values that you keep to %s, and drop "
		    "the column %s; or remove \"was\"",
		    f->was, f->name, f->name, f->was);
	else if (was)
		buf_printf(&why,
		    "\"was\" says that its column %s is now %s: map the field "
		    "(\"columns\": {\"%s\": \"%s\"}), or run ALTER TABLE %s "
		    "RENAME COLUMN \"%s\" TO \"%s\"",
		    f->was, f->name, f->name, f->was, table.data, f->was,
		    f->name);
	else
		buf_printf(&why,
		    "it has neither the column %s nor %s, which \"was\" names: "
		    "migrate the declaration of before first, or remove "
		    "\"was\", and the column is added",
		    f->name, f->was);
	tables_block(t, why.data);
	buf_free(&why);
	buf_free(&table);
}

static struct err rename_declared(struct tables *t, const struct field *f)
{
	struct buf sql = {0};
	buf_str(&sql, "ALTER TABLE pg_temp.sluice_declared RENAME COLUMN ");
	sql_ident(&sql, f->name);
	buf_str(&sql, " TO ");
	sql_ident(&sql, f->was);
	struct err e = pg_blocking_run(t->db, sql.data);
	buf_free(&sql);
	return e;
}

static struct err rename_column(struct tables *t, size_t i)
{
	const struct field *f = &t->c->fields[i];
	bool was, is;
	if (f->was == NULL || strcmp(f->stored, f->name) != 0)
		return ERR_OK;
	struct err e = has_column(t, f->was, &was);
	if (e.kind == ERR_KIND_OK)
		e = has_column(t, f->name, &is);
	if (e.kind != ERR_KIND_OK || (is && !was))
		return e;
	if (is || !was || t->c->table.foreign) {
		cannot_rename(t, f, was, is);
		return ERR_OK;
	}
	t->renamed |= UINT64_C(1) << i;
	e = run_rename(t, "TABLE", "COLUMN ", f->was, f->name);
	return e.kind == ERR_KIND_OK && t->dry ? rename_declared(t, f) : e;
}

/* --- what is named after them -------------------------------------------- */

/* The collection with the former names of the fields that were renamed now: so
 * the names of its constraints and indexes are the former ones, in the same
 * order. */
struct former {
	struct collection c;
	struct field *fields;
	struct list_column *columns;
	struct list_index *indexes;
	struct unique *uniques;
	struct reference *references;
	struct buf *paths; /* of columns */
};

static const struct field *former_field(
    const struct former *f, const struct collection *c, const struct field *is)
{
	return is ? &f->fields[is - c->fields] : NULL;
}

static void former_columns(struct former *f, const struct collection *c)
{
	f->columns = mem_dup(c->columns, c->ncolumns * sizeof *f->columns);
	f->paths = mem_zalloc(c->ncolumns * sizeof *f->paths);
	for (size_t i = 0; i < c->ncolumns; i++) {
		struct list_column *l = &f->columns[i];
		l->field = former_field(f, c, l->field);
		if (l->field == NULL)
			continue;
		buf_printf(&f->paths[i], "%s%s%s", l->field->name,
		    l->path ? "." : "", l->path ? l->path : "");
		l->name = f->paths[i].data;
	}
	f->indexes =
	    mem_dup(c->indexes, (c->nindexes + 1) * sizeof *f->indexes);
	for (size_t i = 0; i < c->nindexes; i++) {
		for (size_t k = 0; k < c->indexes[i].n; k++)
			f->indexes[i].columns[k] =
			    &f->columns[c->indexes[i].columns[k] - c->columns];
	}
}

static void former_constraints(struct former *f, const struct collection *c)
{
	f->uniques = mem_zalloc((c->nuniques + 1) * sizeof *f->uniques);
	for (size_t i = 0; i < c->nuniques; i++) {
		f->uniques[i].n = c->uniques[i].n;
		for (size_t k = 0; k < c->uniques[i].n; k++)
			f->uniques[i].fields[k] =
			    former_field(f, c, c->uniques[i].fields[k]);
	}
	f->references =
	    mem_zalloc((c->nreferences + 1) * sizeof *f->references);
	for (size_t i = 0; i < c->nreferences; i++) {
		f->references[i] = c->references[i];
		for (size_t k = 0; k < c->references[i].n; k++)
			f->references[i].fields[k] =
			    former_field(f, c, c->references[i].fields[k]);
	}
	for (size_t i = 0; i < c->nparts; i++)
		f->c.parts[i] = former_field(f, c, c->parts[i]);
}

static void former_make(
    struct former *f, const struct collection *c, uint64_t renamed)
{
	*f = (struct former){.c = *c};
	f->fields = mem_dup(c->fields, c->nfields * sizeof *f->fields);
	for (size_t i = 0; i < c->nfields; i++) {
		if (renamed >> i & 1)
			f->fields[i].name = c->fields[i].was;
	}
	former_columns(f, c);
	former_constraints(f, c);
	f->c.fields = f->fields;
	f->c.columns = f->columns;
	f->c.indexes = f->indexes;
	f->c.uniques = f->uniques;
	f->c.references = f->references;
	f->c.expires = former_field(f, c, c->expires);
}

static void former_free(struct former *f, const struct collection *c)
{
	for (size_t i = 0; i < c->ncolumns; i++)
		buf_free(&f->paths[i]);
	free(f->fields);
	free(f->columns);
	free(f->indexes);
	free(f->uniques);
	free(f->references);
	free(f->paths);
}

/* 'c' a constraint, 'i' an index, 0: nothing of the table. */
static struct err is_named(struct tables *t, const char *name, char *out)
{
	PGresult *r;
	*out = 0;
	struct err e = tables_ask(t, &tables_named, name, &r);
	if (e.kind == ERR_KIND_OK && !PQgetisnull(r, 0, 0))
		*out = *PQgetvalue(r, 0, 0);
	PQclear(r);
	return e;
}

static struct err rename_named(
    struct tables *t, const char *from, const char *to)
{
	char was, is;
	if (strcmp(from, to) == 0)
		return ERR_OK;
	struct err e = is_named(t, from, &was);
	if (e.kind == ERR_KIND_OK)
		e = is_named(t, to, &is);
	if (e.kind != ERR_KIND_OK || !was || is || table_renames_made(t, to))
		return e;
	buf_add(&t->names, to, strlen(to) + 1);
	return was == 'c' ? run_rename(t, "TABLE", "CONSTRAINT ", from, to)
			  : run_rename(t, "INDEX", "", from, to);
}

static struct err rename_checks(struct tables *t, const struct collection *was)
{
	size_t n, m;
	struct sql_table_check *from = sql_table_checks(was, &n);
	struct sql_table_check *to = sql_table_checks(t->c, &m);
	struct err e = ERR_OK;
	for (size_t i = 0; i < n && i < m && e.kind == ERR_KIND_OK; i++)
		e = rename_named(t, from[i].name, to[i].name);
	sql_table_checks_free(from, n);
	sql_table_checks_free(to, m);
	return e;
}

static struct err rename_others(struct tables *t, const struct collection *was)
{
	char from[SQL_TABLE_NAME_LEN], to[SQL_TABLE_NAME_LEN];
	struct err e = ERR_OK;
	for (size_t i = 1;
	     e.kind == ERR_KIND_OK && sql_relation_name(from, was, i) &&
	     sql_relation_name(to, t->c, i);
	     i++)
		e = rename_named(t, from, to);
	for (size_t i = 0; i < was->nreferences && e.kind == ERR_KIND_OK; i++) {
		sql_table_reference_name(
		    from, was, &was->references[i], "references");
		sql_table_reference_name(
		    to, t->c, &t->c->references[i], "references");
		e = rename_named(t, from, to);
	}
	return e;
}

/* As they would be named if these fields had their former names. */
static struct err rename_from(struct tables *t, uint64_t fields)
{
	struct former f;
	if (fields == 0 || t->c->table.foreign)
		return ERR_OK;
	former_make(&f, t->c, fields);
	struct err e = rename_checks(t, &f.c);
	if (e.kind == ERR_KIND_OK)
		e = rename_others(t, &f.c);
	former_free(&f, t->c);
	return e;
}

/* A name may be made of several fields, which were not all renamed by the same
 * run; or the field keeps its column (`columns`), and only its name is new. */
struct err table_renames(struct tables *t)
{
	struct err e = ERR_OK;
	uint64_t all = 0;
	size_t before = t->blocking;
	for (size_t i = 0; i < t->c->nfields && e.kind == ERR_KIND_OK; i++) {
		all |= (uint64_t)(t->c->fields[i].was != NULL) << i;
		e = rename_column(t, i);
	}
	if (e.kind != ERR_KIND_OK || t->blocking > before)
		return e;
	e = rename_from(t, t->renamed);
	if (e.kind == ERR_KIND_OK)
		e = rename_from(t, all);
	return e;
}
