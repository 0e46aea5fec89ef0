/* An export: a whole collection, streamed, as NDJSON or in another form.
 *
 * One connection to Postgres each, one snapshot. Rows are read from it when
 * libmicrohttpd asks for bytes, that is, when the client has taken the ones
 * before: in between the connection waits, and so does Postgres. What is held
 * is a few rows, whatever the size of the collection.
 *
 * If Postgres fails on the way, the chunked body is not ended but cut off, and
 * the connection reset, so that nobody takes a part for the whole.
 */
#pragma once

#include "common/base/buf.h"
#include "common/base/clock.h"

#include <stdbool.h>

/* What a body is made of: `begin`, the documents with `between` in between, and
 * an end. */
struct export_form {
	const char *type;
	const char *begin;
	const char *between;
	/* Amends the document that was just appended. */
	void (*each)(struct buf *out);
	/* Appends the end. `began`: when the request came. NULL: there is none.
	 */
	void (*end)(struct buf *out, mono_us_t began);
};

extern const struct export_form export_lines; /* NDJSON */

struct export;
struct request;
struct thread;

/* Any export, also one that is under way: lets go of its connection and its
 * place. */
void export_free(struct export **e);
/* The worker's timer: cuts off those that stand still, or are in the way of a
 * drain. */
void export_sweep(struct thread *t);
