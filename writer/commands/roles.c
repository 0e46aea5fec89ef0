#include "writer/commands/roles.h"

#include "common/base/check.h"
#include "common/schema/collection.h"
#include "common/sql/sql.h"
#include "common/sql/sql_table.h"

#include <string.h>

#define ALLOWED                                                                \
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.@-"

enum { ROLE_NAME_MAX = 63 }; /* of Postgres */

/* writer/commands/roles.sql, writer/commands/rights.sql */
extern const char roles_sql[], rights_sql[];

static struct err check_name(const char *setting, const char *name)
{
	size_t len = strlen(name);
	if (len > 0 && len <= ROLE_NAME_MAX && strspn(name, ALLOWED) == len)
		return ERR_OK;
	return err_make(ERR_KIND_FATAL, "config",
	    "setting '%s' has the bad value '%s'; allowed: letters, digits, "
	    "'_', '.', '@' and '-', at most %d",
	    setting, name, ROLE_NAME_MAX);
}

struct err roles_check(const struct roles *roles)
{
	struct err e = check_name("role.migrate", roles->migrate);
	if (e.kind == ERR_KIND_OK)
		e = check_name("role.writer", roles->writer);
	if (e.kind == ERR_KIND_OK)
		e = check_name("role.reader", roles->reader);
	return e;
}

/* --- the collections ----------------------------------------------------- */

static void write_table(struct buf *out, const struct collection *c)
{
	struct buf name = {0};
	sql_name(&name, c);
	sql_literal(out, name.data, name.len);
	buf_free(&name);
}

/* The sequence of an integer key, as a text that may be null. The function
 * fails if there is no table. */
static void write_sequence(struct buf *out, const struct collection *c)
{
	if (c->table.foreign) {
		buf_str(out, "CASE WHEN to_regclass(");
		write_table(out, c);
		buf_str(out, ") IS NOT NULL THEN ");
	}
	sql_table_sequence(out, c);
	buf_str(out, c->table.foreign ? " END" : "");
}

/* A list of regclass that is never empty. The tables of an operator keep their
 * owner. */
static void write_relations(struct buf *out, const struct roles *roles)
{
	const struct collection *c;
	(void)roles;
	buf_str(out, "NULL");
	for (size_t i = 0; (c = collection_at(i)) != NULL; i++) {
		if (c->table.foreign)
			continue;
		buf_str(out, ",\n        to_regclass(");
		write_table(out, c);
		buf_char(out, ')');
		if (c->key != KEY_INTEGER)
			continue;
		buf_str(out, ", to_regclass(");
		write_sequence(out, c);
		buf_char(out, ')');
	}
}

static void write_right(struct buf *out, const char *role, const char *rights,
    const struct collection *c)
{
	buf_printf(out, ",\n      ('%s', '%s', 'TABLE', ", role, rights);
	write_table(out, c);
	buf_char(out, ')');
}

/* The right to look into the schema of an operator's table. */
static void write_schema(
    struct buf *out, const char *role, const struct collection *c)
{
	struct buf name = {0};
	sql_ident(&name, c->table.schema);
	buf_printf(out, ",\n      ('%s', 'USAGE', 'SCHEMA', ", role);
	sql_literal(out, name.data, name.len);
	buf_char(out, ')');
	buf_free(&name);
}

/* Does a table that --migrate makes refer to it? */
static bool roles_is_referred_to(const struct collection *to)
{
	const struct collection *c;
	for (size_t i = 0; (c = collection_at(i)) != NULL; i++) {
		for (size_t k = 0; k < c->nreferences && !c->table.foreign; k++)
			if (strcmp(c->references[k].collection, to->name) == 0)
				return true;
	}
	return false;
}

static void write_collections(struct buf *out, const struct roles *roles)
{
	const struct collection *c;
	for (size_t i = 0; (c = collection_at(i)) != NULL; i++) {
		if (c->table.foreign) {
			write_schema(out, roles->migrate, c);
			write_schema(out, roles->writer, c);
			write_schema(out, roles->reader, c);
			write_right(out, roles->migrate,
			    roles_is_referred_to(c) ? "SELECT, REFERENCES"
						    : "SELECT",
			    c);
		}
		write_right(
		    out, roles->writer, "SELECT, INSERT, UPDATE, DELETE", c);
		write_right(out, roles->reader, "SELECT", c);
		if (c->key != KEY_INTEGER)
			continue;
		buf_printf(out, ",\n      ('%s', 'USAGE, UPDATE', 'SEQUENCE', ",
		    roles->reader);
		write_sequence(out, c);
		buf_char(out, ')');
	}
}

/* --- the script ---------------------------------------------------------- */

static void write_migrate(struct buf *out, const struct roles *roles)
{
	buf_str(out, roles->migrate);
}

static void write_writer(struct buf *out, const struct roles *roles)
{
	buf_str(out, roles->writer);
}

static void write_reader(struct buf *out, const struct roles *roles)
{
	buf_str(out, roles->reader);
}

static const struct {
	const char *name;
	void (*write)(struct buf *out, const struct roles *roles);
} blanks[] = {
    {"{migrate}", write_migrate},
    {"{writer}", write_writer},
    {"{reader}", write_reader},
    {"{relations}", write_relations},
    {"{collections}", write_collections},
};

/* Writes what the text has at `at` in braces; returns what is behind it. */
static const char *fill_blank(
    struct buf *out, const char *at, const struct roles *roles)
{
	for (size_t i = 0; i < sizeof blanks / sizeof *blanks; i++) {
		size_t len = strlen(blanks[i].name);
		if (strncmp(at, blanks[i].name, len) != 0)
			continue;
		blanks[i].write(out, roles);
		return at + len;
	}
	CHECK(!"a blank of roles.sql or rights.sql");
	return at;
}

static void fill(struct buf *out, const char *text, const struct roles *roles)
{
	while (*text) {
		size_t len = strcspn(text, "{");
		buf_add(out, text, len);
		text += len;
		if (*text)
			text = fill_blank(out, text, roles);
	}
}

void roles_rights(struct buf *out, const struct roles *roles)
{
	fill(out, rights_sql, roles);
}

void roles_script(struct buf *out, const struct roles *roles)
{
	fill(out, roles_sql, roles);
	fill(out, rights_sql, roles);
}
