/* A collection, as its declaration describes it.
 *
 * Each collection has one JSON file (docs/collections.md). It is read at start,
 * or on SIGHUP if it is a new one, and never changed or freed after that: every
 * thread may read it, and its index stays the same. A module that keeps
 * something for each collection has room for COLLECTIONS_MAX of them. From it
 * come the table and its SQL (common/sql/sql.h), the validation
 * (common/schema/field.h), the lifetimes in the caches, and the filters and
 * orders of lists. All daemons of a deployment read the same files. `shape`
 * shows the reader of a record whether the sender of the record had the same
 * declaration.
 */
#pragma once

#include "common/access/roles.h"
#include "common/access/verb.h"
#include "common/base/clock.h"
#include "common/base/err.h"
#include "common/schema/field.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	COLLECTIONS_MAX = 256,
	COLLECTION_KEY_MAX = 255, /* bytes, after percent-decoding */
	COLLECTION_FIELDS = 64,
	COLLECTION_NAME_MAX = 40,
	COLLECTION_INDEXES = 16,
	COLLECTION_INDEX_COLUMNS = 4,
	/* Characters of a string that an index has. */
	COLLECTION_INDEXED = 500,
	COLLECTION_UNIQUES = 8,
	COLLECTION_UNIQUE_FIELDS = 8,
	COLLECTION_KEY_PARTS = 8,
};

/* KEY_PARTS: the values of several fields, in one text
 * (common/schema/key_parts.h).
 */
enum key_type { KEY_STRING, KEY_INTEGER, KEY_UUIDV7, KEY_PARTS };

/* What lists may be filtered or ordered by: the key, the times, some fields,
 * members of objects. Each has an index on (column, key). */
struct list_column {
	const char *name;
	const char *stored; /* its name in the table; of a path, the field's */
	enum column_type column;
	const struct field *field; /* NULL: the key or a time */
	/* For a member of an object: its path in the field, `city.name`. It is
	 * compared as text, whatever it is. NULL: none. */
	const char *path;
	bool filter, order;
};

/* An index on several columns, then on the key in the direction of the last
 * one. */
struct list_index {
	const struct list_column *columns[COLLECTION_INDEX_COLUMNS];
	bool descending[COLLECTION_INDEX_COLUMNS];
	size_t n;
};

/* No two documents have the same values in all of these fields. Null is not
 * equal to null. */
struct unique {
	const struct field *fields[COLLECTION_UNIQUE_FIELDS];
	size_t n;
};

/* The values of the fields, unless one is null, are the key of a document: one,
 * or the parts in their order. */
struct reference {
	const struct field *fields[COLLECTION_KEY_PARTS];
	size_t n;
	const char *collection;
};

/* Whose a document is: the one whose claim is the value of a field. */
struct owner {
	const struct field *field; /* NULL: documents have no owner */
	unsigned claim;		   /* common/access/claims.h */
	role_set roles;		   /* they may do what they may with their own
				    * documents only */
};

/* The table, and the names of its columns that are not those of the
 * document. */
struct table {
	const char *schema, *name;
	/* The declaration names the table: it is the operator's, and --migrate
	 * adds nothing to it but the version and the times. */
	bool foreign;
	/* It has created_at and updated_at, and documents have them, too. */
	bool times;
	const char *key; /* NULL: the key has parts */
	const char *created_at, *updated_at, *version;
};

struct collection {
	const char *name;
	struct table table;
	struct jsonslice description; /* a string; s NULL: none */
	enum key_type key;
	enum format key_format; /* the bits of an integer; NONE: 64 */
	/* In documents; if the key has parts, only in `order`. */
	const char *key_name;
	const struct field *parts[COLLECTION_KEY_PARTS];
	size_t nparts;		    /* 0, or several */
	const struct field *fields; /* without key, times and version */
	size_t nfields;
	bool renames; /* a field has a former name (common/log/renamed.h) */
	/* Lifetimes in the caches; 0: l1.ttl and l2.ttl. */
	dur_us_t l1_ttl, l2_ttl;
	/* On commit: set the caches to the new document, or drop it. */
	bool refresh;
	/* The part of the key in front of the first `:` is the group of the
	 * row: it alone says which partition has the key
	 * (common/log/keyspace.h). Only of string keys. */
	bool group;
	const struct list_column *columns; /* the key is the first */
	/* The columns of the key, in its order: one, or those of its parts. */
	const struct list_column *key_columns;
	size_t nkey_columns;
	size_t ncolumns;
	const struct list_index *indexes;
	size_t nindexes;
	const struct list_column *order; /* of a list that names none */
	bool descending;
	unsigned default_limit, max_limit;
	role_set grants[VERB_COUNT]; /* the roles that may do it */
	struct owner owner;
	const struct field *updated_by; /* the writer sets it; or NULL */
	/* A document is absent from this time on (common/schema/expiry.h); or
	 * NULL. */
	const struct field *expires;
	const struct unique *uniques;
	size_t nuniques;
	const struct reference *references;
	size_t nreferences;
	/* A hash of what a table, a writer and an API must agree about: the
	 * table, the key, its group, which field is `expires`, and the fields'
	 * names, columns, order, types, nullability, defaults. Former names do
	 * not count. */
	uint64_t shape;
	struct jsonslice text; /* the declaration, as it was read */
	size_t index;	       /* collection_at(index) is this one */
};

/* Reads every declaration. `paths` are folders or files, separated by colons;
 * empty: those that come with the program. Call it before there are threads.
 * FATAL: the error names file, place and reason, and the collections from
 * before stay. sql_relation_check checks that their names do not collide
 * in the database. */
struct err collections_load(const char *paths);
/* What has become of the files, compared with the collections in use. */
struct collections_diff;

/* How the file of a collection in use differs from it. */
enum collection_change {
	COLLECTION_SAME,
	COLLECTION_CHANGED,
	COLLECTION_RESHAPED, /* also in what needs another table (`shape`) */
	COLLECTION_GONE,     /* there is no such file any more */
};

/* Reads every declaration once more; those in use stay. FATAL: a file cannot be
 * used, as above. OK: *out is owned. On the main loop. */
struct err collections_compare(
    const char *paths, struct collections_diff **out);
/* The i-th of the collections in use, then the i-th of the new ones. NULL past
 * the last. */
const struct collection *collections_diff_at(
    const struct collections_diff *n, size_t i);
/* How many of them are new. */
size_t collections_diff_count(const struct collections_diff *n);
/* Of the i-th: one that is in use. */
enum collection_change collections_diff_change(
    const struct collections_diff *n, size_t i);
/* Takes the new collections into use, behind those that are. From now on
 * collection_find and collection_at return them, on every thread. On the main
 * loop. */
void collections_add(struct collections_diff *n);
/* Frees what was not taken. */
void collections_diff_free(struct collections_diff **n);
/* Of tests: forgets all of them. No other thread may use one. */
void collections_unload(void);

/* NULL when there is none of that name. */
const struct collection *collection_find(const char *name, size_t len);
/* The collection with this index; NULL past the last. Those of the start are in
 * the order of their names; the others follow, as they came. */
const struct collection *collection_at(size_t i);
/* The index of the field, or nfields. */
size_t collection_field(const struct collection *c, struct jsonslice name);

const char *key_type_name(enum key_type t); /* "integer" */
enum column_type key_column(const struct collection *c);
/* A decimal integer of the format, a UUID: in the only form of a key. */
bool collection_is_integer(enum format format, const char *key, size_t len);
bool collection_is_uuid(const char *key, size_t len);
/* Is it one of the collection's keys, in its only form? An integer is decimal
 * without a sign in front of 0 or a zero in front of others; a UUID has small
 * letters; a key with a group does not begin with `:`. */
bool collection_key_valid(
    const struct collection *c, const char *key, size_t len);
