/* The references of a table, when all tables exist. Those of the operator's
 * table are left to the operator.
 */
#include "writer/commands/tables_priv.h"

#include "common/sql/sql.h"
#include "common/sql/sql_table.h"

#include <stdlib.h>
#include <string.h>

static struct err reference_is_there(
    struct tables *t, const struct reference *r, bool *out)
{
	const struct collection *to =
	    collection_find(r->collection, strlen(r->collection));
	char *from = tables_regclass(t->c), *other = tables_regclass(to);
	const char *fields[COLLECTION_KEY_PARTS], *key[COLLECTION_KEY_PARTS];
	struct buf ours = {0}, theirs = {0};
	PGresult *result;
	for (size_t i = 0; i < r->n; i++) {
		fields[i] = r->fields[i]->stored;
		key[i] = to->key_columns[i].stored;
	}
	tables_names_array(&ours, fields, r->n);
	tables_names_array(&theirs, key, r->n);
	struct err e = tables_query(t, &tables_reference,
	    (const char *const[]){from, ours.data, other, theirs.data}, 4,
	    &result);
	buf_free(&ours);
	buf_free(&theirs);
	free(from);
	free(other);
	return tables_is(e, result, out);
}

/* In a dry run, a table may be missing. */
static struct err both_are_there(
    struct tables *t, const struct reference *r, bool *out)
{
	struct err e = tables_is_there(t, t->c, out);
	if (e.kind == ERR_KIND_OK && *out)
		e = tables_is_there(t,
		    collection_find(r->collection, strlen(r->collection)), out);
	return e;
}

/* Only who has the right REFERENCES on the operator's table may refer to it. */
static void may_not_refer(struct tables *t, const struct reference *r)
{
	const struct collection *to =
	    collection_find(r->collection, strlen(r->collection));
	struct buf why = {0}, table = {0}, role = {0};
	sql_name(&table, to);
	sql_ident(&role, PQuser(t->db));
	buf_printf(&why,
	    "it refers to %s, and the role %s of --migrate has not the right "
	    "REFERENCES on the table %s; as the owner of that table, run: "
	    "GRANT USAGE ON SCHEMA ",
	    to->name, role.data, table.data);
	sql_ident(&why, to->table.schema);
	buf_printf(&why, " TO %s; GRANT REFERENCES ON %s TO %s", role.data,
	    table.data, role.data);
	tables_block(t, why.data);
	buf_free(&why);
	buf_free(&table);
	buf_free(&role);
}

static struct err add_reference(struct tables *t, const struct reference *r)
{
	char name[SQL_TABLE_NAME_LEN];
	struct buf definition = {0};
	sql_table_reference_name(name, t->c, r, "references");
	sql_table_reference(&definition, r);
	struct err e = tables_add_constraint(t, name, definition.data);
	buf_free(&definition);
	if (e.kind == ERR_KIND_OK || strcmp(e.code, "42501") != 0)
		return e;
	may_not_refer(t, r);
	return ERR_OK;
}

static struct err migrate_reference(struct tables *t, const struct reference *r)
{
	bool tables, there = false;
	char made[SQL_TABLE_NAME_LEN];
	sql_table_reference_name(made, t->c, r, "references");
	if (table_renames_made(t, made))
		return ERR_OK;
	struct err e = both_are_there(t, r, &tables);
	if (e.kind == ERR_KIND_OK && tables)
		e = reference_is_there(t, r, &there);
	if (e.kind != ERR_KIND_OK || there)
		return e;
	if (!t->c->table.foreign)
		return add_reference(t, r);
	struct buf definition = {0};
	char name[SQL_TABLE_NAME_LEN];
	sql_table_reference_name(name, t->c, r, "references");
	sql_table_reference(&definition, r);
	tables_only_declared(t, name, definition.data);
	buf_free(&definition);
	return ERR_OK;
}

struct err table_references(struct tables *t)
{
	struct err e = ERR_OK;
	for (size_t k = 0; k < t->c->nreferences && e.kind == ERR_KIND_OK; k++)
		e = migrate_reference(t, &t->c->references[k]);
	return e;
}
