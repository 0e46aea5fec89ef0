/* Parses the messages of COPY … TO STDOUT (FORMAT binary), one row each (pure
 * core).
 *
 * See "Binary Format" at COPY in the PostgreSQL documentation.
 */
#pragma once

#include "common/sql/row_doc.h"

#include <stdbool.h>
#include <stddef.h>

/* Must be zeroed at first. */
struct copy_row {
	bool headed;  /* the header of the stream has come */
	bool trailed; /* the trailer has come: this message has no row */
};

/* Takes the next message. Sets `cells` to the cells of its row; they point into
 * `s`. False: it has no row of the collection. */
bool copy_row_take(struct copy_row *c, const struct collection *row,
    const char *s, size_t len, struct row_doc_cell *cells);
