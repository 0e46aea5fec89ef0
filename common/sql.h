/* The SQL of a collection, made from its declaration.
 *
 * The canonical document is one expression, used by the read path and by the
 * writer's RETURNING, so that every tier holds equal bytes. Sessions run with
 * SQL_SESSION: times render as RFC 3339 in UTC.
 */
#pragma once

#include "common/buf.h"
#include "common/collection.h"

#define SQL_SESSION                                                            \
	"SET timezone = 'UTC'; SET datestyle = 'ISO'; "                        \
	"SET extra_float_digits = 1; SET client_encoding = 'UTF8'"

/* The table, if it is missing. */
void sql_table(struct buf *out, const struct collection *c);

/* Reads keys with the store's watermark, in one snapshot.
 * $1 text[] keys, $2 int4[] their partitions.
 * Columns (binary): ordinality int8 (from 1), as_of int8, version int8 or null
 * where the row is absent, document text. */
void sql_read(struct buf *out, const struct collection *c);

/* Inserts or updates rows. $1 json, an array of objects: the document's fields
 * and _key, _version, _created_at, _updated_at.
 * Columns (binary): key text, version int8, inserted bool, document text, for
 * every row that was applied (an older version than the row's is not). */
void sql_upsert(struct buf *out, const struct collection *c);

/* Deletes rows. $1 text[] keys, $2 int8[] versions. Column: key text. */
void sql_delete(struct buf *out, const struct collection *c);

/* The current rows of some keys. $1 text[] keys.
 * Columns (binary): key text, version int8, document text. */
void sql_current(struct buf *out, const struct collection *c);
