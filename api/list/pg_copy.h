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

struct pgcopy;

enum pgcopy_state {
	PGCOPY_WAIT, /* `changed` follows, once */
	PGCOPY_ROW,
	PGCOPY_END,    /* all rows were had */
	PGCOPY_FAILED, /* and this is not all */
};

struct pgcopy_options {
	struct loop *loop;
	const char *url;
	const char *session; /* target_session_attrs */
	const char *setup;   /* of the session; without transactions */
	const char *first;   /* a query; its result is binary */
	const char *copy;
	struct pgshape first_shape;
	const struct collection *row; /* what the rows are of */
	/* After PGCOPY_WAIT, and when pgcopy_begin has an answer: from the
	 * loop.
	 */
	void (*changed)(void *arg);
	void *arg;
};

/* Starts to connect; `changed` follows when the first rows are to be had, or it
 * failed. Returns owned. */
struct pgcopy *pgcopy_new(const struct pgcopy_options *o);
/* ROW: rows can be asked for, and the result of `first` (borrowed) is there.
 * WAIT: not yet. */
enum pgcopy_state pgcopy_begin(const struct pgcopy *c, const PGresult **first);
/* The next row; its cells hold until the next call. */
enum pgcopy_state pgcopy_next(struct pgcopy *c, struct rowdoc_cell *cells);
/* What went wrong; for the log. */
const char *pgcopy_error(const struct pgcopy *c);
/* `changed` is never called again. */
void pgcopy_free(struct pgcopy **c);
