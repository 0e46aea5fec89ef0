/* The row of a document as a record of CSV (RFC 4180), for lists and exports
 * (pure core).
 *
 * The fields are the members of the document, in their order or in that of the
 * selection. A string is its characters; every other value is as in the JSON
 * form; of a value that is a string there (a time, bytes), the text without its
 * quotes. Null is an empty field, and the empty string is `""`. Only fields
 * that need quotes have them. A record ends in CR LF.
 */
#pragma once

#include "common/sql/row_doc.h"

#define ROW_CSV_TYPE "text/csv; charset=utf-8; header=present"

/* Appends the names of the members, as the first record. */
void row_csv_header(
    struct buf *out, const struct collection *c, const struct selection *only);
/* Appends the record of a row, whose cells fit. */
void row_csv_write(struct buf *out, const struct collection *c,
    const struct selection *only, const struct row_doc_cell *cells);
