/* Reads the rows of one COPY … TO STDOUT (FORMAT binary) when they are asked
 * for, on a connection of its own and on a loop.
 *
 * Nothing is read from the socket before it is asked for; what waits, waits in
 * Postgres. So it uses the memory of one row and of libpq's buffer, however
 * slow the reader and however large the table. Before the COPY, another
 * statement is asked in the same snapshot (repeatable read).
 */
#pragma once

#include "common/base/loop.h"
#include "common/postgres/pg_shape.h"
#include "common/sql/row_doc.h"

#include <libpq-fe.h>
#include <stdbool.h>

struct pg_copy;

enum pg_copy_state {
	PG_COPY_WAIT, /* `changed` will be called, once */
	PG_COPY_ROW,
	PG_COPY_END,	/* there are no more rows */
	PG_COPY_FAILED, /* it failed: these are not all rows */
};

struct pg_copy_options {
	struct loop *loop;
	const char *url;
	const char *session; /* target_session_attrs */
	const char *setup;   /* statements for the session, in no transaction */
	const char *first;   /* a query; its result is binary */
	const char *copy;
	struct pg_shape first_shape;
	const struct collection *row; /* the collection of the rows */
	/* Called from the loop, after PG_COPY_WAIT, and when pg_copy_begin has
	 * an answer.
	 */
	void (*changed)(void *arg);
	void *arg;
};

/* Begins to connect. `changed` is called when rows can be asked for, or when it
 * failed. Returns owned. */
struct pg_copy *pg_copy_new(const struct pg_copy_options *o);
/* ROW: rows can be asked for, and *first is the result of `first`, borrowed.
 * WAIT: not yet. */
enum pg_copy_state pg_copy_begin(
    const struct pg_copy *c, const PGresult **first);
/* Reads the next row; its cells are valid until the next call. */
enum pg_copy_state pg_copy_next(struct pg_copy *c, struct row_doc_cell *cells);
/* Did it fail because Postgres takes a value of the statement for no value of
 * its type (class 22)? */
bool pg_copy_refused(const struct pg_copy *c);
/* The fault, for the log. */
const char *pg_copy_error(const struct pg_copy *c);
/* After it, `changed` is not called any more. */
void pg_copy_free(struct pg_copy **c);
