/* The table of a collection, made from its declaration, piece by piece.
 *
 * Constraints and indexes have names of their own, so that --migrate finds out
 * which of them are there: `products_price_exclusive_minimum`. Strings of lists
 * are indexed, and are to be ordered, by bytes (COLLATE "C").
 */
#pragma once

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/schema/collection.h"

enum { SQL_TABLE_NAME_LEN = 64 };

/* A name of at most 63 bytes, which is what Postgres keeps; longer ones are
 * told apart by a hash. `b` may be NULL. */
void sql_table_name(char out[SQL_TABLE_NAME_LEN], const struct collection *c,
    const char *a, const char *b);

/* "price" numeric NOT NULL DEFAULT 0 */
void sql_table_column(struct buf *out, const struct field *f);

/* The name of the check that a value with this fault does not pass. False: the
 * table has none for it; the column's type or the API sees to that. */
bool sql_table_check_name(char out[SQL_TABLE_NAME_LEN],
    const struct collection *c, const struct field *f, enum field_fault fault);

struct sql_table_check {
	char name[SQL_TABLE_NAME_LEN];
	char *expression; /* owned */
};

/* Returns owned: sql_table_checks_free. */
struct sql_table_check *sql_table_checks(const struct collection *c, size_t *n);
void sql_table_checks_free(struct sql_table_check *checks, size_t n);

/* The definition between and behind the brackets of CREATE TABLE: the whole. */
void sql_table_body(struct buf *out, const struct collection *c);

/* What stands beside the table, in the same schema: the indexes, the sequence
 * of an integer key. */
struct sql_table_extra {
	char name[SQL_TABLE_NAME_LEN];
	char *sql; /* owned */
};

/* The name of the i-th thing that a collection has in the schema: its table,
 * its indexes, its sequence. False: there are no more. */
bool sql_table_relation(
    char out[SQL_TABLE_NAME_LEN], const struct collection *c, size_t i);

/* FATAL: two of the loaded collections need a relation of one name. */
struct err sql_table_check_relations(void);

/* Returns owned: sql_table_extras_free. */
struct sql_table_extra *sql_table_extras(const struct collection *c, size_t *n);
void sql_table_extras_free(struct sql_table_extra *extras, size_t n);

/* $1 int4: so many blocks of ids, $2 int8: none of them below it. Columns
 * (binary), each int8: the first, how many, and the key of the next row. Of a
 * collection with an integer key. */
void sql_table_reserve(struct buf *out, const struct collection *c);
