/* What the modules that read a declaration share. */
#pragma once

#include "common/schema/declare.h"

enum { LIST_COLUMNS = COLLECTION_FIELDS + 3 };

struct declaration {
	struct collection collection;
	struct field fields[COLLECTION_FIELDS];
	struct list_column columns[LIST_COLUMNS];
	char *text;
	char *names; /* where the strings live: no more than the text has */
	size_t used;
	struct declare_fault *fault;
};

/* Says what is wrong at a place; false. */
__attribute__((format(printf, 3, 4))) bool declare_refuse(
    struct declaration *d, const char *pointer, const char *fmt, ...);
/* The characters of a string, kept in the declaration. */
const char *declare_string(struct declaration *d, struct jsonslice v);
/* A name that is good for a column, a table, a path. */
bool declare_name(struct declaration *d, const char *pointer, const char *name);
/* A whole number that is at least 0. */
bool declare_count(struct declaration *d, const char *pointer,
    struct jsonslice v, int64_t most, int64_t *out);

/* common/schema/declare_field.c: the fields and which are required. */
bool declare_fields(struct declaration *d, struct jsonslice v);
bool declare_required(struct declaration *d, struct jsonslice v);
/* Has every table a column of that name: PostgreSQL's, or ours? */
bool declare_is_taken(const char *name);
/* When all is known of them. */
bool declare_check_fields(struct declaration *d);
/* common/schema/declare_list.c; s NULL: not declared. */
bool declare_list(struct declaration *d, struct jsonslice v);
