/* An export: all rows of a list as one stream, as NDJSON, CSV or in another
 * form.
 *
 * Each export has one connection to Postgres and one snapshot. It reads rows
 * when libmicrohttpd asks for bytes, which is when the client has taken the
 * bytes before. In between, the connection waits, and so does Postgres. So an
 * export holds a few rows, whatever the size of the collection.
 *
 * If Postgres fails on the way, the chunked body is not ended but cut off, and
 * the connection is reset, so that the client cannot take a part for the whole.
 */
#pragma once

#include "common/base/buf.h"
#include "common/base/clock.h"

#include <stdbool.h>

struct list_query;
struct row_doc_cell;

/* The form of a body: a beginning, the documents with `between` between them,
 * and an end. */
struct export_form {
	const char *type;
	/* Appends the beginning. NULL: there is none. */
	void (*begin)(struct buf *out, const struct list_query *q);
	const char *between;
	/* Appends the document of a row. */
	void (*row)(struct buf *out, const struct list_query *q,
	    const struct row_doc_cell *cells);
	/* Appends the end. `began`: when the request came. NULL: there is no
	 * end.
	 */
	void (*end)(struct buf *out, mono_us_t began);
};

extern const struct export_form export_lines; /* NDJSON */
extern const struct export_form export_csv;

/* Appends the document of a row, as JSON. */
void export_document(struct buf *out, const struct list_query *q,
    const struct row_doc_cell *cells);

struct export;
struct request;
struct thread;

/* May be called for any export, also for one in progress: closes its connection
 * and gives its place back. */
void export_free(struct export **e);
/* The worker's timer: cuts off exports whose client reads nothing, and those
 * that delay a drain. */
void export_sweep(struct thread *t);
