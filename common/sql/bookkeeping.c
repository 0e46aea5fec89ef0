#include "common/sql/bookkeeping.h"

#include "common/log/stored_formats.h"
#include "common/schema/collection.h"
#include "common/sql/sql.h"

#include <stdio.h>
#include <string.h>

extern const char bookkeeping_tables_sql[];

/* The tables of all collections, as an array of texts. */
static void bookkeeping_tables(struct buf *out)
{
	const struct collection *c;
	buf_str(out, "ARRAY[");
	for (size_t i = 0; (c = collection_at(i)) != NULL; i++) {
		struct buf name = {0};
		sql_name(&name, c);
		buf_str(out, i ? ", " : "");
		sql_literal(out, name.data, name.len);
		buf_free(&name);
	}
	buf_str(out, "]::text[]");
}

void bookkeeping_schema(struct buf *out, const char *topic, int partitions)
{
	struct buf name = {0}, tables = {0};
	char count[16], last[16];
	sql_literal(&name, topic, strlen(topic));
	bookkeeping_tables(&tables);
	snprintf(count, sizeof count, "%d", partitions);
	snprintf(last, sizeof last, "%d", partitions - 1);
	buf_str(out, bookkeeping_tables_sql);
	pg_statement_script(out, &bookkeeping_begin_log,
	    (const char *const[]){name.data, count, tables.data}, 3);
	pg_statement_script(
	    out, &bookkeeping_begin_progress, (const char *const[]){last}, 1);
	snprintf(count, sizeof count, "%d", STORED_SCHEMA);
	snprintf(last, sizeof last, "%d", STORED_SCHEMA_LEAST);
	pg_statement_script(out, &bookkeeping_note_schema,
	    (const char *const[]){count, last}, 2);
	buf_free(&name);
	buf_free(&tables);
}
