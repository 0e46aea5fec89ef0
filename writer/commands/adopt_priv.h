/* What the modules of --adopt share. One thread, one connection; a PGresult
 * that is returned is the caller's (PQclear). */
#pragma once

#include "writer/core/pg_blocking.h"

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/json/jsonslice.h"
#include "common/postgres/pg_statement.h"
#include "common/schema/collection.h"

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>

/* A table; its strings and its columns are owned. */
struct adopted {
	char *oid, *schema, *table, *description;
	char name[COLLECTION_NAME_MAX + 1];
	char kind;
	bool partition, good;
	bool parent;			 /* other tables inherit from it */
	char *key, *key_name, *key_type; /* NULL before it is known */
	char *key_place;
	PGresult *parts;   /* of adopt_parts; NULL: the key is one column */
	PGresult *columns; /* of adopt_columns */
};

struct adopting {
	PGconn *db;
	struct adopted *all;
	size_t n, cap;
	size_t refused;
};

enum { P_COLUMN, P_TYPE, P_GENERATED, P_LOOSE }; /* of adopt_parts */

/* The columns of a result of adopt_columns. */
enum {
	C_COLUMN,
	C_FIELD,
	C_JSON,
	C_REQUIRED,
	C_LISTED,
	C_LEFT_OUT,
	C_LOST,
	C_MUST,
	C_VERSION,
	C_INDEXABLE,
	C_CHECKS
};

/* writer/commands/adopt.sql */
extern const struct pg_statement adopt_tables, adopt_key, adopt_parts,
    adopt_columns, adopt_constraints;

/* A query with one parameter, or two. */
struct err adopt_ask(struct adopting *a, const struct pg_statement *s,
    const char *one, const char *two, PGresult **out);
/* A value of a result, as text; NULL: it is null. */
const char *adopt_cell(const PGresult *r, int row, int column);
/* Is it a bool, and true? */
bool adopt_is(const PGresult *r, int row, int column);
/* Is this column of a table a field of its documents? */
bool adopt_is_field(const PGresult *columns, int i);
/* The members of `key` for a type of Postgres; NULL: no key has it. */
const char *adopt_key_of(const char *type);

/* In writer/commands/adopt_declaration.c: appends the declaration of a table
 * that can be adopted, and tells what it does not have. */
struct err adopt_declaration(
    struct buf *out, struct adopting *a, const struct adopted *t);
