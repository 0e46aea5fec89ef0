/* What the modules that read a declaration share. */
#pragma once

#include "common/schema/declare.h"

/* The members of objects are the last 32. */
enum { LIST_COLUMNS = COLLECTION_FIELDS + 3 + 32 };
/* Members and elements within all objects and arrays of a declaration. */
enum { DECLARE_NESTED = 256 };

struct declaration {
	struct collection collection;
	struct field fields[COLLECTION_FIELDS];
	struct field items[COLLECTION_FIELDS]; /* of the field there */
	struct field nested[DECLARE_NESTED];
	size_t nnested;
	struct list_column columns[LIST_COLUMNS];
	struct list_column key_columns[COLLECTION_KEY_PARTS];
	struct list_index indexes[COLLECTION_INDEXES];
	struct unique uniques[COLLECTION_UNIQUES];
	struct reference references[COLLECTION_FIELDS];
	char *text;
	char *names; /* memory of the strings */
	size_t used;
	struct declare_faults *faults;
};

/* Adds a fault: its place and the reason. Returns false. */
__attribute__((format(printf, 3, 4))) bool declare_refuse(
    struct declaration *d, const char *pointer, const char *fmt, ...);
/* Finds the members of an object by their names; `parts` of one that is absent
 * stay as they are. False: it is no object, or has another member. */
bool declare_parts(struct declaration *d, const char *pointer,
    struct jsonslice v, const char *const *names, size_t n,
    struct jsonslice *parts);
/* The characters of a string; they live as long as the declaration. */
const char *declare_string(struct declaration *d, struct jsonslice v);
/* May the name be that of a column, a table, a path segment? False: refused. */
bool declare_name(struct declaration *d, const char *pointer, const char *name);
/* Is it a value of this kind? False: refused. */
bool declare_is_kind(struct declaration *d, const char *pointer,
    struct jsonslice v, enum jsonslice_kind kind);
/* Takes a whole number from 0 to `most`. False: refused. */
bool declare_count(struct declaration *d, const char *pointer,
    struct jsonslice v, int64_t most, int64_t *out);

/* In common/schema/declare_table.c: takes `table` and `times`; either may be
 * absent (s is NULL). Call it before declare_fields. */
bool declare_table(
    struct declaration *d, struct jsonslice table, struct jsonslice times);
/* Takes `columns`, or what they are if it is absent (v.s is NULL). Call it
 * after declare_updated_by. */
bool declare_columns(struct declaration *d, struct jsonslice v);
/* Has nothing else the former name of the field (`was`)? False: refused. Call
 * it after declare_columns. */
bool declare_check_was(struct declaration *d, const struct field *f);
/* Takes the name of something in a schema of the database: `schema.name`; the
 * schema ends at the first dot, and is public without one. The names live as
 * long as the declaration. False: refused. */
bool declare_qualified(struct declaration *d, const char *pointer,
    struct jsonslice v, const char **schema, const char **name);
/* In common/schema/declare_fields.c: takes `fields`, and `required` after
 * declare_updated_by. */
bool declare_fields(struct declaration *d, struct jsonslice v);
bool declare_required(struct declaration *d, struct jsonslice v);
/* Takes `key`. If it is an array, its names are
 * taken by declare_key_parts, when the fields are known. */
bool declare_key(struct declaration *d, struct jsonslice v);
/* Takes `key`, if it is an array of names of fields. Call it after
 * declare_required. */
bool declare_key_parts(struct declaration *d, struct jsonslice v);
/* Is the name that of a member that all documents have, or of a column that
 * PostgreSQL has? */
bool declare_is_taken(const struct declaration *d, const char *name);
/* Is it the name of a column that PostgreSQL has in every table? */
bool declare_is_system(const char *name);
/* Checks the fields. Call it after declare_fields and declare_required. */
bool declare_check_fields(struct declaration *d);
/* In common/schema/declare_field.c: takes the keywords of a field, or of a
 * value within one. `depth`: how many levels it lies below the field. */
bool declare_keywords(struct declaration *d, struct field *f,
    const char *pointer, size_t depth, struct jsonslice v);
/* Do the bounds of the field go together? False: refused. */
bool declare_bounds(
    struct declaration *d, const char *pointer, const struct field *f);
/* In common/schema/declare_nested.c: takes a keyword about what is within a
 * value of the field. Its place is `pointer`. */
bool declare_properties(struct declaration *d, struct field *f,
    const char *pointer, size_t depth, struct jsonslice v);
bool declare_members_required(struct declaration *d, struct field *f,
    const char *pointer, struct jsonslice v);
/* Are the elements that `items` declares objects or arrays? Then the array is
 * JSON, and declare_items takes it. */
bool declare_are_json(struct jsonslice items);
bool declare_items(struct declaration *d, struct field *f, const char *pointer,
    size_t depth, struct jsonslice v);
/* In common/schema/declare_list.c: takes `list`. If it is absent, v.s is NULL.
 */
bool declare_list(struct declaration *d, struct jsonslice v);
/* Do all values of the field fit into an index? False: refused. */
bool declare_check_indexed(
    struct declaration *d, const char *pointer, const struct field *f);
/* In common/schema/declare_constraints.c: takes `unique` and `references`;
 * either may be absent (s is NULL). Call it after declare_check_fields. */
bool declare_constraints(struct declaration *d, struct jsonslice unique,
    struct jsonslice references);
/* In common/schema/declare_access.c: takes `access` and `owner`; either may be
 * absent (s is NULL). Call it after declare_list. */
bool declare_access(
    struct declaration *d, struct jsonslice access, struct jsonslice owner);
/* In the same file: takes `updated_by`, which is a field, too. Call it after
 * declare_fields. */
bool declare_updated_by(struct declaration *d, struct jsonslice v);
