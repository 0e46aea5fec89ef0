/* What the result of a statement must look like (pure core).
 *
 * Postgres is another program, perhaps behind a third one, so its answers are
 * foreign bytes. Each binary result is compared with its shape once, where it
 * comes in (common/postgres/pg_pipeline.h, api/list/pg_copy.h). After that, the
 * reader may rely on it: each cell exists, and a number has its length. A
 * result that does not fit is an error of the statement.
 *
 *   b   bool
 *   p   int4, not negative: a partition, a count
 *   e   int4: an epoch
 *   v   int8, not negative: a version, a count
 *   8   int8
 *   s   bytes, or null
 *   R   the columns of a row of a collection (common/sql/row_doc.h)
 *   ?   the column in front of it may be null
 *   !   at the end: there is one row
 */
#pragma once

#include <libpq-fe.h>
#include <stdbool.h>

struct collection;

/* `columns` NULL: any result. The text must live as long as the program. */
struct pg_shape {
	const char *columns;
	/* Of R, as row_doc_shape sets them. */
	const struct collection *row;
	int row_columns;
	bool (*row_fits)(
	    const struct collection *of, const PGresult *r, int row, int first);
};

bool pg_shape_fits(struct pg_shape shape, const PGresult *r);
