/* The rows of COPY … TO STDOUT (FORMAT binary), a message of the protocol each
 * (pure core).
 *
 * PostgreSQL documentation, COPY, "Binary Format".
 */
#pragma once

#include "common/sql/row_doc.h"

#include <stdbool.h>
#include <stddef.h>

/* Begins as all zeroes. */
struct copy_row {
	bool headed;  /* the stream's header was seen */
	bool trailed; /* its trailer was: there was no row */
};

/* The cells of the next message, a row of the collection; they point into it.
 * False: it is none. */
bool copy_row_take(struct copy_row *c, const struct collection *row,
    const char *s, size_t len, struct row_doc_cell *cells);
