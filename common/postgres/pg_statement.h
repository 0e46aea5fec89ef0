/* A statement that is declared in an .sql file (common/base/embed.cmake makes
 * it from there), with the shape of its result. */
#pragma once

#include "common/postgres/pg_params.h"

struct pg_statement {
	const char *sql;     /* one line; its parameters are $1 to $9 */
	const char *columns; /* common/postgres/pg_shape.h; NULL: any */
};

/* Without parameters; the result is binary. */
struct pg_query pg_statement_query(const struct pg_statement *s);
/* The parameters are to be added. */
struct pg_params pg_statement_params(const struct pg_statement *s);
/* Appends the statement as a part of a script: with `values`, each a literal of
 * SQL, in place of $1, $2 and so on, and with `;` and a newline. */
void pg_statement_script(struct buf *out, const struct pg_statement *s,
    const char *const *values, int n);
