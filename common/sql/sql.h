/* The SQL of a collection, made from its declaration.
 *
 * Reads and the writer's RETURNING return rows in the same columns. The
 * canonical document is made from these columns in one place
 * (common/sql/row_doc.h). Sessions run with SQL_SESSION.
 */
#pragma once

#include "common/base/buf.h"
#include "common/schema/collection.h"
#include "common/sql/selection.h"

#define SQL_SESSION                                                            \
	"SET timezone = 'UTC'; SET datestyle = 'ISO'; "                        \
	"SET extra_float_digits = 1; SET client_encoding = 'UTF8'"

/* Any name, in quotes; the table with its schema. */
void sql_ident(struct buf *out, const char *name);
void sql_name(struct buf *out, const struct collection *c);
/* A text as a literal of SQL, whatever it holds and whatever
 * standard_conforming_strings is. The text is UTF-8, without NUL, and so is the
 * session (SQL_SESSION). */
void sql_literal(struct buf *out, const char *text, size_t len);

/* The type of the field's column: `"shop"."status"`, `integer[]`. */
void sql_type(struct buf *out, const struct field *f);

/* What a column of lists is in a row with this prefix (`t.`, or none): a
 * column, or a member of an object as text. */
void sql_list_column(
    struct buf *out, const char *prefix, const struct list_column *l);

/* The columns of row t, as common/sql/row_doc.h reads them, whatever an
 * operator has made of their types. */
void sql_row(struct buf *out, const struct collection *c);
/* The same, with null instead of the fields that are not selected. */
void sql_row_of(
    struct buf *out, const struct collection *c, const struct selection *only);

/* Reads keys with the store's watermark, in one snapshot.
 * $1 text[] keys, $2 int4[] their partitions.
 * Columns (binary): ordinality int8 (from 1), as_of int8, version int8 or null
 * where the row is absent, and from SQL_READ_ROW on the row. */
enum { SQL_READ_ROW = 3 };
void sql_read(struct buf *out, const struct collection *c);

/* The same, but a row whose fields have more than $3 int8 bytes comes without
 * the fields that can be large, so that the result is bounded.
 * Columns (binary): the three of sql_read, bytes int8 (of the fields that can
 * be large, as text), and from SQL_WITHIN_ROW on the row. */
enum { SQL_WITHIN_ROW = 4 };
#define SQL_WITHIN_SHAPE "vvv?vR"
void sql_read_within(struct buf *out, const struct collection *c);

/* Rows as a stream (COPY): in the binary format, the row alone, with null
 * instead of the fields that are not selected. `which`: a WHERE and an ORDER BY
 * of the columns of t; "": all rows, in no particular order. */
void sql_export(struct buf *out, const struct collection *c,
    const struct selection *only, const char *which);

/* Inserts or updates rows. $1 text[] keys, $2 int8[] versions, $3 and $4
 * timestamptz[] created_at and updated_at, and one text[] for each field.
 * Columns (binary): inserted bool, and from SQL_UPSERT_ROW on the row, for
 * every row that was applied (an older version than the row's is not). */
enum { SQL_UPSERT_FIELDS = 4, SQL_UPSERT_ROW = 1 };
#define SQL_UPSERT_SHAPE "bR"
void sql_upsert(struct buf *out, const struct collection *c);
/* Inserts rows whose keys have no row: otherwise it fails. It is cheaper than
 * sql_upsert, which looks each key up once more and writes more WAL. The same
 * parameters and columns. */
void sql_insert(struct buf *out, const struct collection *c);

/* Deletes rows. $1 text[] keys, $2 int8[] versions. Column: key text. */
void sql_delete(struct buf *out, const struct collection *c);

/* Rows whose time has come, of a collection that declares `expires`, in the
 * order of this time and of the key. $1 text the present time, $2 int8 how
 * many; `after`: only those behind $3 text a time and $4 text a key. Columns
 * (binary): key text, version int8, the time text. */
#define SQL_EXPIRED_SHAPE "svs"
void sql_expired(struct buf *out, const struct collection *c, bool after);

/* Gives rows, as they are, a version. $1 text[] keys, $2 int8[] versions; a row
 * whose fields have more than $3 int8 bytes comes without the fields that can
 * be large. Columns: those of sql_current. */
void sql_touch(struct buf *out, const struct collection *c);

/* The current rows of some keys. $1 text[] keys; a row whose fields have more
 * than $2 int8 bytes comes without the fields that can be large.
 * Columns (binary): version int8, bytes int8 (of the fields that can be large,
 * as text), and from SQL_CURRENT_ROW on the row. */
enum { SQL_CURRENT_ROW = 2 };
#define SQL_CURRENT_SHAPE "vvR"
void sql_current(struct buf *out, const struct collection *c);
/* The same, of rows that Postgres itself cannot render: none is looked into.
 * The same parameters. Columns (binary): version int8, bytes int8 (more than
 * $2), key text. */
#define SQL_VERSIONS_SHAPE "vvs"
void sql_versions(struct buf *out, const struct collection *c);
