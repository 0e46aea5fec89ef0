#include "api/list/group_page.h"

#include "api/list/list_page.h"
#include "api/list/list_sql.h"
#include "common/postgres/pg_binary.h"
#include "common/schema/expiry.h"
#include "common/sql/row_doc.h"

#include <string.h>

bool group_page_is_whole(const struct list_query *q, PGresult *const *rows)
{
	int64_t found = 0;
	for (size_t i = 0; q; q = q->also, i++) {
		int n = PQntuples(rows[i]);
		if (n == 0)
			continue;
		int64_t all = pg_int8(rows[i], 0, LIST_SQL_FOUND(q));
		if (all != n) /* it was cut at its number of bytes */
			return false;
		found += all;
	}
	return found <= LIST_GROUP;
}

static void group_page_row(
    struct buf *doc, const struct list_query *q, const PGresult *rows, int i)
{
	int row = LIST_SQL_ROW(q);
	buf_str(doc, "{\"key\":");
	buf_json(
	    doc, PQgetvalue(rows, i, row), (size_t)PQgetlength(rows, i, row));
	buf_printf(doc, ",\"version\":\"%s\",\"document\":",
	    PQgetvalue(rows, i, LIST_SQL_VERSION));
	row_doc_add(doc, q->collection, rows, i, row);
	buf_char(doc, '}');
}

struct value *group_page_make(
    const struct list_query *q, PGresult *const *rows, version_t as_of)
{
	struct buf doc = {0};
	wall_us_t ends = EXPIRY_NEVER;
	int32_t partition = q->partition;
	buf_str(&doc, "{\"group\":");
	buf_json(&doc, q->group, q->group_len);
	buf_str(&doc, ",\"collections\":{");
	for (size_t i = 0; q; q = q->also, i++) {
		int n = PQntuples(rows[i]);
		buf_printf(
		    &doc, "%s\"%s\":[", i ? "," : "", q->collection->name);
		for (int k = 0; k < n; k++) {
			buf_str(&doc, k ? "," : "");
			group_page_row(&doc, q, rows[i], k);
		}
		buf_char(&doc, ']');
		wall_us_t its = list_page_ends(q, rows[i], LIST_SQL_ENDS(q));
		ends = its < ends ? its : ends;
	}
	buf_str(&doc, "}}");
	struct value *v = value_group_new(doc.data, doc.len, partition, as_of);
	value_end_by(v, ends);
	buf_free(&doc);
	return v;
}
