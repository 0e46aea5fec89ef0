/* The SQL of the seed's collection, letter by letter: what Postgres has
 * prepared and what the read path parses depend on it. And of one with more
 * fields: order, commas, quotes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/sql.h"

#include <string.h>

static const struct field fields[] = {
    {"order", FIELD_STRING, true}, /* reserved in SQL */
    {"note", FIELD_STRING, false},
};
static const struct collection two = {"select", fields, 2, true};

typedef void (*make)(struct buf *out, const struct collection *c);

static void is(make fn, const struct collection *c, const char *text)
{
	struct buf b = {0};
	buf_char(&b, '>'); /* it appends */
	fn(&b, c);
	assert_string_equal(b.data + 1, text);
	buf_free(&b);
}

#define DOCUMENT                                                               \
	"(SELECT row_to_json(d) FROM (SELECT t.\"key\", t.\"value\", "         \
	"t.created_at, t.updated_at) d)::text"
#define DOCUMENT_TWO                                                           \
	"(SELECT row_to_json(d) FROM (SELECT t.\"key\", t.\"order\", "         \
	"t.\"note\", t.created_at, t.updated_at) d)::text"

static void records(void **state)
{
	(void)state;
	const struct collection *c = collection_find("records", 7);
	is(sql_table, c,
	    "CREATE TABLE IF NOT EXISTS public.\"records\" (\n"
	    "  \"key\" text COLLATE \"C\" PRIMARY KEY,\n"
	    "  \"value\" text NOT NULL,\n"
	    "  created_at timestamptz NOT NULL,\n"
	    "  updated_at timestamptz NOT NULL,\n"
	    "  version bigint NOT NULL\n"
	    ") WITH (fillfactor = 80);\n");
	is(sql_read, c,
	    "SELECT k.i, p.next_offset, t.version, "
	    "CASE WHEN t.version IS NOT NULL THEN " DOCUMENT " END"
	    " FROM unnest($1::text[], $2::int4[])"
	    " WITH ORDINALITY AS k(\"key\", partition, i)"
	    " JOIN sluice.progress p ON p.partition = k.partition"
	    " LEFT JOIN public.\"records\" t ON t.\"key\" = k.\"key\"");
	is(sql_upsert, c,
	    "INSERT INTO public.\"records\" AS t (\"key\", \"value\", "
	    "created_at, updated_at, version) SELECT r._key, r.\"value\", "
	    "r._created_at, r._updated_at, r._version"
	    " FROM json_to_recordset($1::json) AS r(_key text, _version int8,"
	    " _created_at timestamptz, _updated_at timestamptz,"
	    " \"value\" text) ON CONFLICT (\"key\") DO UPDATE SET"
	    " \"value\" = excluded.\"value\","
	    " updated_at = excluded.updated_at, version = excluded.version"
	    " WHERE t.version < excluded.version"
	    " RETURNING t.\"key\", t.version, t.xmax = 0, " DOCUMENT);
	is(sql_delete, c,
	    "DELETE FROM public.\"records\" t"
	    " USING unnest($1::text[], $2::int8[]) AS k(\"key\", version)"
	    " WHERE t.\"key\" = k.\"key\" AND t.version < k.version"
	    " RETURNING t.\"key\"");
	is(sql_current, c,
	    "SELECT t.\"key\", t.version, " DOCUMENT
	    " FROM unnest($1::text[]) AS k(\"key\")"
	    " JOIN public.\"records\" t ON t.\"key\" = k.\"key\"");
}

static void two_fields(void **state)
{
	(void)state;
	is(sql_table, &two,
	    "CREATE TABLE IF NOT EXISTS public.\"select\" (\n"
	    "  \"key\" text COLLATE \"C\" PRIMARY KEY,\n"
	    "  \"order\" text NOT NULL,\n"
	    "  \"note\" text,\n"
	    "  created_at timestamptz NOT NULL,\n"
	    "  updated_at timestamptz NOT NULL,\n"
	    "  version bigint NOT NULL\n"
	    ") WITH (fillfactor = 80);\n");
	is(sql_upsert, &two,
	    "INSERT INTO public.\"select\" AS t (\"key\", \"order\", "
	    "\"note\", created_at, updated_at, version) SELECT r._key, "
	    "r.\"order\", r.\"note\", r._created_at, r._updated_at, r._version"
	    " FROM json_to_recordset($1::json) AS r(_key text, _version int8,"
	    " _created_at timestamptz, _updated_at timestamptz,"
	    " \"order\" text, \"note\" text) ON CONFLICT (\"key\")"
	    " DO UPDATE SET \"order\" = excluded.\"order\","
	    " \"note\" = excluded.\"note\","
	    " updated_at = excluded.updated_at, version = excluded.version"
	    " WHERE t.version < excluded.version"
	    " RETURNING t.\"key\", t.version, t.xmax = 0, " DOCUMENT_TWO);
	is(sql_current, &two,
	    "SELECT t.\"key\", t.version, " DOCUMENT_TWO
	    " FROM unnest($1::text[]) AS k(\"key\")"
	    " JOIN public.\"select\" t ON t.\"key\" = k.\"key\"");
}

/* Every tier holds equal bytes: the one expression, wherever a document is. */
static void one_document(void **state)
{
	(void)state;
	static const make all[] = {sql_read, sql_upsert, sql_current};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		struct buf b = {0};
		all[i](&b, &two);
		const char *at = strstr(b.data, DOCUMENT_TWO);
		assert_non_null(at);
		assert_null(strstr(at + strlen(DOCUMENT_TWO), "row_to_json"));
		buf_free(&b);
	}
	assert_non_null(strstr(SQL_SESSION, "timezone = 'UTC'"));
	assert_non_null(strstr(SQL_SESSION, "datestyle = 'ISO'"));
	assert_non_null(strstr(SQL_SESSION, "client_encoding = 'UTF8'"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(records),
	    cmocka_unit_test(two_fields),
	    cmocka_unit_test(one_document),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
