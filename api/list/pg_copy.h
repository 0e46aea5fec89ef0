/* The rows of one COPY … TO STDOUT (FORMAT binary), on a connection of its own,
 * on a loop, as they are asked for.
 *
 * Nothing is read from the socket that nobody asked for: what waits, waits in
 * Postgres. So the memory is that of one row and libpq's buffer, however slow
 * the reader and however large the table. A statement is asked before it in the
 * same snapshot (repeatable read).
 */
#pragma once

#include "common/base/loop.h"
#include "common/postgres/pg_shape.h"
#include "common/sql/row_doc.h"

#include <libpq-fe.h>
#include <stdbool.h>

struct pg_copy;

enum pg_copy_state {
	PG_COPY_WAIT, /* `changed` follows, once */
	PG_COPY_ROW,
	PG_COPY_END,	/* all rows were had */
	PG_COPY_FAILED, /* and this is not all */
};

struct pg_copy_options {
	struct loop *loop;
	const char *url;
	const char *session; /* target_session_attrs */
	const char *setup;   /* of the session; without transactions */
	const char *first;   /* a query; its result is binary */
	const char *copy;
	struct pg_shape first_shape;
	const struct collection *row; /* what the rows are of */
	/* After PG_COPY_WAIT, and when pg_copy_begin has an answer: from the
	 * loop.
	 */
	void (*changed)(void *arg);
	void *arg;
};

/* Starts to connect; `changed` follows when the first rows are to be had, or it
 * failed. Returns owned. */
struct pg_copy *pg_copy_new(const struct pg_copy_options *o);
/* ROW: rows can be asked for, and the result of `first` (borrowed) is there.
 * WAIT: not yet. */
enum pg_copy_state pg_copy_begin(
    const struct pg_copy *c, const PGresult **first);
/* The next row; its cells hold until the next call. */
enum pg_copy_state pg_copy_next(struct pg_copy *c, struct row_doc_cell *cells);
/* What went wrong; for the log. */
const char *pg_copy_error(const struct pg_copy *c);
/* `changed` is never called again. */
void pg_copy_free(struct pg_copy **c);
