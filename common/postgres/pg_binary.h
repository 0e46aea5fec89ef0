/* Postgres's binary formats: one-dimensional array parameters, integer columns.
 *
 * PostgreSQL source, src/backend/utils/adt/arrayfuncs.c (array_send).
 */
#pragma once

#include "common/base/buf.h"
#include "common/base/clock.h"

#include <libpq-fe.h>
#include <stdint.h>

/* Begin with the element type and the count, then append that many. */
void pg_array_begin(struct buf *b, Oid element, size_t n);
void pg_array_null(struct buf *b);
void pg_array_text(struct buf *b, const char *s, size_t len);
/* Append an element in pieces between these two calls: pg_array_open reserves
 * the length and returns its place, which pg_array_close gets. */
size_t pg_array_open(struct buf *b);
void pg_array_close(struct buf *b, size_t open);
void pg_array_time(struct buf *b, wall_us_t t);
void pg_array_int4(struct buf *b, int32_t v);
void pg_array_int8(struct buf *b, int64_t v);

/* A cell of a binary result whose shape was checked
 * (common/postgres/pg_shape.h); another length is a bug (CHECK). */
int64_t pg_int8(const PGresult *r, int row, int column);
int32_t pg_int4(const PGresult *r, int row, int column);
