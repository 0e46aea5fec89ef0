/* The triggers that note changes by other programs in sluice.outbox. An owner
 * of a table may want none, so they are made only if --triggers says so. Once
 * one table has them, those that are missing elsewhere are told in every run.
 */
#include "writer/commands/tables_priv.h"

#include "common/sql/sql.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A trigger with transition tables has one event. Before a TRUNCATE there are
 * keys to note; behind it there are none. */
static const struct {
	const char *name, *when, *tables;
} triggers[] = {
    {"sluice_insert", "AFTER INSERT", " REFERENCING NEW TABLE AS new_rows"},
    {"sluice_update", "AFTER UPDATE",
	" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows"},
    {"sluice_delete", "AFTER DELETE", " REFERENCING OLD TABLE AS old_rows"},
    {"sluice_truncate", "BEFORE TRUNCATE", ""},
};
enum { TRIGGERS = sizeof triggers / sizeof *triggers };

static void trigger_sql(struct buf *out, const struct collection *c, size_t i)
{
	buf_printf(out, "CREATE TRIGGER %s %s ON ", triggers[i].name,
	    triggers[i].when);
	sql_name(out, c);
	buf_printf(out,
	    "%s FOR EACH STATEMENT EXECUTE FUNCTION sluice.note_change(",
	    triggers[i].tables);
	sql_literal(out, c->name, strlen(c->name));
	for (size_t k = 0; k < c->nkey_columns; k++) {
		const char *column = c->key_columns[k].stored;
		buf_str(out, ", ");
		sql_literal(out, column, strlen(column));
	}
	buf_char(out, ')');
}

static struct err trigger_is_there(struct tables *t, size_t i, bool *out)
{
	PGresult *r;
	struct err e = tables_ask(t, &tables_trigger, triggers[i].name, &r);
	return tables_is(e, r, out);
}

static struct err any_is_there(struct tables *t, bool *out)
{
	PGresult *r;
	struct err e = tables_query(t, &tables_triggered, NULL, 0, &r);
	return tables_is(e, r, out);
}

/* Only the owner of a table, or who has the right TRIGGER, can make one. */
static struct err trigger_make(struct tables *t, const char *sql)
{
	struct err e = tables_attempt(t, sql);
	if (e.kind == ERR_KIND_OK || strcmp(e.code, "42501") != 0)
		return e;
	printf("left to you: %s: only a superuser, or the owner of the table "
	       "with the right EXECUTE on sluice.note_change(), can do this: "
	       "%s;\n",
	    t->c->name, sql);
	return ERR_OK;
}

static struct err trigger_migrate(struct tables *t, size_t i)
{
	bool there, any = false;
	struct buf sql = {0};
	struct err e = trigger_is_there(t, i, &there);
	if (e.kind == ERR_KIND_OK && !there && !t->triggers)
		e = any_is_there(t, &any);
	if (e.kind != ERR_KIND_OK || there || (!any && !t->triggers))
		return e;
	trigger_sql(&sql, t->c, i);
	if (t->triggers)
		e = trigger_make(t, sql.data);
	else
		printf("left to you: %s: there is no trigger %s, so changes by "
		       "other programs are not heard of: run --migrate "
		       "--triggers\n",
		    t->c->name, triggers[i].name);
	buf_free(&sql);
	return e;
}

struct err tables_triggers(struct tables *t)
{
	struct err e = ERR_OK;
	for (size_t i = 0; i < TRIGGERS && e.kind == ERR_KIND_OK; i++)
		e = trigger_migrate(t, i);
	return e;
}
