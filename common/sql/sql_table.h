/* The table of a collection, made from its declaration, piece by piece.
 *
 * Each constraint and index has a name that is made from the declaration
 * (`products_price_exclusive_minimum`), so that --migrate finds those that are
 * missing. Strings of lists are indexed and ordered by bytes (COLLATE "C").
 */
#pragma once

#include "common/base/buf.h"
#include "common/base/err.h"
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

/* What belongs to the table in the same schema, and has a name there. */
struct sql_table_extra {
	enum sql_table_kind {
		SQL_TABLE_LIST,	    /* an index for lists */
		SQL_TABLE_INDEX,    /* likewise, on several columns */
		SQL_TABLE_SEQUENCE, /* of an integer key */
		SQL_TABLE_UNIQUE,   /* a constraint, whose index has its name */
		SQL_TABLE_REFERENCE, /* an index on a field that refers */
		SQL_TABLE_EXPIRES,   /* an index on the field `expires` */
	} kind;
	size_t of; /* of the list column, index, unique or reference */
	char name[SQL_TABLE_NAME_LEN];
	char *sql; /* owned */
};

/* The name of the i-th thing that a collection has in the schema: its table,
 * and everything that sql_table_extras has. False: there are no more. */
bool sql_table_relation(
    char out[SQL_TABLE_NAME_LEN], const struct collection *c, size_t i);

/* `arg`: of the caller. NULL past the last. */
typedef const struct collection *(*sql_table_each)(void *arg, size_t i);
/* FATAL: two of these collections need a relation of one name. */
struct err sql_table_check_relations(sql_table_each at, void *arg);
/* The same for those in use. */
struct err sql_table_check_loaded(void);

/* Returns owned: sql_table_extras_free. */
struct sql_table_extra *sql_table_extras(const struct collection *c, size_t *n);
void sql_table_extras_free(struct sql_table_extra *extras, size_t n);

/* The constraint of a reference: its name, and its definition as
 * pg_get_constraintdef writes it, if the schema public is in the search path.
 */
void sql_table_reference_name(char out[SQL_TABLE_NAME_LEN],
    const struct collection *c, const struct reference *r);
void sql_table_reference(struct buf *out, const struct reference *r);

/* The sequence of an integer key, as an SQL text that names it: that of the
 * column, if the table is the operator's and has one; or the one that
 * sql_table_extras makes. */
void sql_table_sequence(struct buf *out, const struct collection *c);

/* Reserves blocks of ids, for a collection with an integer key. $1 int4: how
 * many blocks; $2 int8: no id below this. Columns (binary), each int8: the
 * first id, the number of ids, and the key of the next row. */
void sql_table_reserve(struct buf *out, const struct collection *c);
