/* The SQL statements of the running writer on the tables of the collections,
 * made once for each. */
#pragma once

#include "common/schema/collection.h"

#include <stddef.h>

struct statements_of {
	const struct collection *collection;
	/* sql_delete with the rejections of what was not there.
	 * $1 text[] keys, $2 int8[] versions;
	 * $3 text[] keys, $4 int8[] versions, $5 int8[] accepted-at (us),
	 * $6 int4[] partitions: of first writes that are deletes; $7 text
	 * collection.
	 * Column: the keys whose rows are gone. */
	char *erase;
	char *upsert;	/* sql_upsert */
	char *insert;	/* sql_insert */
	char *current;	/* sql_current */
	char *versions; /* sql_versions */
	char *read;	/* sql_read_within */
	char *touch;	/* sql_touch */
};

struct statements {
	struct statements_of of[COLLECTIONS_MAX]; /* by index */
	size_t n;
};

/* Of the collections in use. Returns owned. */
struct statements *statements_new(void);
/* Makes those of the collections that are new. */
void statements_add(struct statements *s);
void statements_free(struct statements **s);
const struct statements_of *statements_for(
    const struct statements *s, const struct collection *c);
