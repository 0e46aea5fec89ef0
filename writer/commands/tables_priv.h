/* What the modules of --migrate that compare tables share. One thread, one
 * connection; PGresults that are returned are the caller's (PQclear). */
#pragma once

#include "writer/core/pg_blocking.h"

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/postgres/pg_statement.h"
#include "common/schema/collection.h"

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>

struct tables {
	PGconn *db;
	bool dry;
	bool triggers;		    /* they are wanted */
	const struct collection *c; /* the one at hand */
	size_t blocking; /* differences with which a writer cannot work */
	/* Of that one: bits, by index, of the fields whose columns this run has
	 * renamed, or would in a dry run. */
	uint64_t renamed;
	/* Of all collections: the new names of constraints and indexes that
	 * this run has renamed, or would; with a NUL behind each. */
	struct buf names;
};

/* writer/commands/tables.sql */
extern const struct pg_statement tables_there, tables_kind, tables_columns,
    tables_checks, tables_unique, tables_reference, tables_group,
    tables_indexed, tables_trigger, tables_triggered, tables_column,
    tables_named;

/* Prints a statement, and runs it unless this is a dry run. */
struct err tables_run(struct tables *t, const char *sql);
/* Runs a statement that may fail; then nothing is changed. */
struct err tables_attempt(struct tables *t, const char *sql);
/* The result of a query; NULL after an error. */
struct err tables_query(struct tables *t, const struct pg_statement *s,
    const char *const *parameters, int n, PGresult **out);
/* A query about the table at hand, which is its first parameter; `more`: the
 * second one, or NULL. */
struct err tables_ask(struct tables *t, const struct pg_statement *s,
    const char *more, PGresult **out);
/* Reads an answer that is one bool, and frees it. `e`: of the query; `out` is
 * false after an error. */
struct err tables_is(struct err e, PGresult *r, bool *out);
/* The table's name as Postgres's text of a regclass. Returns owned. */
char *tables_regclass(const struct collection *c);
/* Appends the names as a text[]. */
void tables_names_array(struct buf *out, const char *const *names, size_t n);
/* Is there the table of a collection? */
struct err tables_is_there(
    struct tables *t, const struct collection *c, bool *out);
/* Adds a constraint; if existing rows violate it, for new rows only. */
struct err tables_add_constraint(
    struct tables *t, const char *name, const char *definition);
/* Tells that the operator's table has no such constraint: the writer judges
 * alone. */
void tables_only_declared(
    struct tables *t, const char *name, const char *definition);
/* Tells a difference with which a writer cannot work. */
void tables_block(struct tables *t, const char *what);

/* In writer/commands/table_renames.c: renames the columns of fields that had
 * another name, and what Sluice has named after them. In a dry run, the
 * declared table gets the former names instead. */
struct err table_renames(struct tables *t);
/* Has this run renamed a constraint or an index to this name, or would it? */
bool table_renames_made(const struct tables *t, const char *name);
/* In writer/commands/table_references.c: adds the references that are missing,
 * or tells of them. All tables exist. */
struct err table_references(struct tables *t);
/* In writer/commands/triggers.c: makes the triggers that are missing, or tells
 * of them. */
struct err tables_triggers(struct tables *t);
/* In writer/commands/table_columns.c: adds the columns that are missing, and
 * tells what differs. */
struct err table_columns_compare(struct tables *t);
