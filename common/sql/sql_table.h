/* The table of a collection, made from its declaration, piece by piece.
 *
 * The pieces are columns, CHECK constraints, foreign keys, and the sequence of
 * the key. What a table has beside itself is in common/sql/sql_relation.h. Each
 * constraint has a name that is made from the declaration
 * (`products_price_exclusive_minimum`), so that --migrate finds those that are
 * missing.
 */
#pragma once

#include "common/base/buf.h"
#include "common/schema/collection.h"

enum { SQL_TABLE_NAME_LEN = 64 };

/* A name of at most 63 bytes, the maximum of Postgres. A longer name is cut and
 * gets a hash, so that it stays unique. `b` may be NULL. */
void sql_table_name(char out[SQL_TABLE_NAME_LEN], const struct collection *c,
    const char *a, const char *b);

/* "price" numeric NOT NULL DEFAULT 0 */
void sql_table_column(struct buf *out, const struct field *f);

/* The name of the CHECK that refuses a value with this fault. False: the table
 * has none for it; the column's type or the API refuses the value. */
bool sql_table_check_name(char out[SQL_TABLE_NAME_LEN],
    const struct collection *c, const struct field *f, enum field_fault fault);

struct sql_table_check {
	char name[SQL_TABLE_NAME_LEN];
	char *expression; /* owned */
};

/* Returns owned: sql_table_checks_free. */
struct sql_table_check *sql_table_checks(const struct collection *c, size_t *n);
void sql_table_checks_free(struct sql_table_check *checks, size_t n);

/* Everything in a CREATE TABLE behind the name of the table. */
void sql_table_body(struct buf *out, const struct collection *c);

/* The name of what is made for a reference: the suffix of the constraint is
 * `references`. */
void sql_table_reference_name(char out[SQL_TABLE_NAME_LEN],
    const struct collection *c, const struct reference *r, const char *suffix);
/* The constraint as pg_get_constraintdef writes it, if the schema public is in
 * the search path. */
void sql_table_reference(struct buf *out, const struct reference *r);

/* The sequence of an integer key, as an SQL text that names it: that of the
 * column, if the table is the operator's and has one; or the one that
 * sql_relation_all makes. */
void sql_table_sequence(struct buf *out, const struct collection *c);
/* The schema of the one that Sluice makes. */
const char *sql_table_sequence_schema(const struct collection *c);

/* Reserves blocks of ids, for a collection with an integer key. $1 int4: how
 * many blocks; $2 int8: no id below this. Columns (binary), each int8: the
 * first id, the number of ids, and the key of the next row. */
void sql_table_reserve(struct buf *out, const struct collection *c);
