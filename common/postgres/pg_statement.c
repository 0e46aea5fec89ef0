#include "common/postgres/pg_statement.h"

#include "common/base/check.h"

struct pg_query pg_statement_query(const struct pg_statement *s)
{
	return (struct pg_query){
	    .sql = s->sql, .result_format = 1, .shape.columns = s->columns};
}

struct pg_params pg_statement_params(const struct pg_statement *s)
{
	return (struct pg_params){.sql = s->sql, .shape.columns = s->columns};
}

void pg_statement_script(struct buf *out, const struct pg_statement *s,
    const char *const *values, int n)
{
	for (const char *c = s->sql; *c; c++) {
		if (c[0] != '$' || c[1] < '1' || c[1] > '9') {
			buf_char(out, *c);
			continue;
		}
		int parameter = *++c - '1';
		CHECK(parameter < n);
		buf_str(out, values[parameter]);
	}
	buf_str(out, ";\n");
}
