/* Indexes, sequences and unique constraints of a collection, beside its table.
 *
 * All are relations of PostgreSQL: each has a name in the schema of the table,
 * which is made from the declaration. Two collections must not need one name.
 * Strings of lists are indexed and ordered by bytes (COLLATE "C").
 */
#pragma once

#include "common/base/err.h"
#include "common/schema/collection.h"
#include "common/sql/sql_table.h"

/* What belongs to the table in the same schema, and has a name there. */
struct sql_relation {
	enum sql_relation_kind {
		SQL_RELATION_LIST,     /* an index for lists */
		SQL_RELATION_INDEX,    /* likewise, on several columns */
		SQL_RELATION_SEQUENCE, /* of an integer key */
		SQL_RELATION_UNIQUE,   /* a constraint, whose index has its name
					*/
		SQL_RELATION_REFERENCE, /* an index on a field that refers */
		SQL_RELATION_EXPIRES,	/* an index on the field `expires` */
	} kind;
	size_t of; /* of the list column, index, unique or reference */
	char name[SQL_TABLE_NAME_LEN];
	char *sql; /* owned */
};

/* The name of the i-th thing that a collection has in the schema: its table,
 * and everything that sql_relation_all has. False: there are no more. */
bool sql_relation_name(
    char out[SQL_TABLE_NAME_LEN], const struct collection *c, size_t i);

/* `arg`: of the caller. NULL past the last. */
typedef const struct collection *(*sql_relation_each)(void *arg, size_t i);
/* FATAL: two of these collections need a relation of one name. */
struct err sql_relation_check(sql_relation_each at, void *arg);
/* The same for those in use. */
struct err sql_relation_check_loaded(void);

/* Returns owned: sql_relation_free. */
struct sql_relation *sql_relation_all(const struct collection *c, size_t *n);
void sql_relation_free(struct sql_relation *extras, size_t n);
