/* The SQL of the seed's collection, letter by letter: what Postgres has
 * prepared and what the read path parses depend on it. And of one with more
 * fields: order, commas, quotes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/schema/declare.h"
#include "common/sql/sql.h"
#include "common/sql/sql_table.h"

#include "tests/unit/declared.h"

#include <stdio.h>
#include <string.h>

static const struct field fields[] = {
    {.name = "order",
	.stored = "order",
	.required = true}, /* reserved in SQL */
    {.name = "count",
	.stored = "count",
	.type = FIELD_INTEGER,
	.column = COLUMN_BIGINT,
	.required = true},
    {.name = "amount",
	.stored = "amount",
	.type = FIELD_NUMBER,
	.column = COLUMN_NUMERIC,
	.nullable = true},
};
static const struct list_column more_key = {
    .name = "key", .stored = "key", .column = COLUMN_TEXT};
static const struct collection more = {.name = "select",
    .table = {"public", "select", false, true, "key", "created_at",
	"updated_at", "version"},
    .key_name = "key",
    .key_columns = &more_key,
    .nkey_columns = 1,
    .fields = fields,
    .nfields = 3};

typedef void (*make)(struct buf *out, const struct collection *c);

static void is(make fn, const struct collection *c, const char *text)
{
	struct buf b = {0};
	buf_char(&b, '>'); /* it appends */
	fn(&b, c);
	assert_string_equal(b.data + 1, text);
	buf_free(&b);
}

#define ROW                                                                    \
	"t.\"key\", t.\"value\"::text, "                                       \
	"t.\"created_at\"::timestamptz, t.\"updated_at\"::timestamptz"
#define ROW_MORE                                                               \
	"t.\"key\", t.\"order\"::text, t.\"count\"::text, "                    \
	"t.\"amount\"::text, "                                                 \
	"t.\"created_at\"::timestamptz, t.\"updated_at\"::timestamptz"

#define INSERT_RECORDS                                                         \
	"INSERT INTO public.\"records\" AS t (\"key\", \"value\", "            \
	"\"created_at\", \"updated_at\", \"version\") SELECT r._key, "         \
	"r.\"value\"::text, r._created_at, r._updated_at, r._version"          \
	" FROM (SELECT unnest($1::text[]) AS _key,"                            \
	" unnest($2::int8[]) AS _version,"                                     \
	" unnest($3::timestamptz[]) AS _created_at,"                           \
	" unnest($4::timestamptz[]) AS _updated_at,"                           \
	" unnest($5::text[]) AS \"value\") AS r"

static void records(void **state)
{
	(void)state;
	const struct collection *c = declared("records");
	is(sql_read, c,
	    "SELECT k.i, p.next_offset, t.\"version\", " ROW
	    " FROM unnest($1::text[], $2::int4[])"
	    " WITH ORDINALITY AS k(\"key\", partition, i)"
	    " JOIN sluice.progress p ON p.partition = k.partition"
	    " LEFT JOIN public.\"records\" t ON t.\"key\" = k.\"key\"");
	is(sql_upsert, c,
	    INSERT_RECORDS
	    " ON CONFLICT (\"key\") DO "
	    "UPDATE SET"
	    " \"value\" = excluded.\"value\","
	    " \"updated_at\" = excluded.\"updated_at\", \"version\" = "
	    "excluded.\"version\""
	    " WHERE t.\"version\" < excluded.\"version\" OR "
	    "excluded.\"version\" = 0"
	    " RETURNING t.xmax = 0, " ROW);
	is(sql_insert, c, INSERT_RECORDS " RETURNING t.xmax = 0, " ROW);
	is(sql_delete, c,
	    "DELETE FROM public.\"records\" t"
	    " USING unnest($1::text[], $2::int8[]) AS k(\"key\", version)"
	    " WHERE t.\"key\" = k.\"key\" AND (t.\"version\" < k.version OR "
	    "k.version = 0)"
	    " RETURNING t.\"key\" AS \"key\"");
	is(sql_current, c,
	    "SELECT _version, _bytes, _key, CASE WHEN _bytes <= $2::int8 THEN"
	    " \"value\" END, _created_at, _updated_at FROM (SELECT *, 0::int8"
	    " + coalesce(octet_length(\"value\"), 0) AS _bytes FROM ("
	    "SELECT t.\"version\", " ROW
	    " FROM unnest($1::text[]) AS k(\"key\")"
	    " JOIN public.\"records\" t ON t.\"key\" = k.\"key\""
	    " OFFSET 0) AS r(_version, _key, \"value\", _created_at,"
	    " _updated_at) OFFSET 0) AS r");
	is(sql_touch, c,
	    "WITH touched AS (UPDATE public.\"records\" t"
	    " SET \"version\" = k.version"
	    " FROM unnest($1::text[], $2::int8[]) AS k(\"key\", version)"
	    " WHERE t.\"key\" = k.\"key\" RETURNING t.\"version\", " ROW
	    ") SELECT _version, _bytes, _key,"
	    " CASE WHEN _bytes <= $3::int8 THEN \"value\" END, _created_at,"
	    " _updated_at FROM (SELECT *, 0::int8"
	    " + coalesce(octet_length(\"value\"), 0) AS _bytes FROM ("
	    "SELECT * FROM touched"
	    " OFFSET 0) AS r(_version, _key, \"value\", _created_at,"
	    " _updated_at) OFFSET 0) AS r");
	is(sql_versions, c,
	    "SELECT t.\"version\", $2::int8 + 1, t.\"key\""
	    " FROM unnest($1::text[]) AS k(\"key\")"
	    " JOIN public.\"records\" t ON t.\"key\" = k.\"key\"");
}

/* What cannot be large comes in any case. */
static void within(void **state)
{
	(void)state;
	is(sql_read_within, &more,
	    "SELECT _i, _as_of, _version, _bytes, _key,"
	    " CASE WHEN _bytes <= $3::int8 THEN \"order\" END, \"count\","
	    " CASE WHEN _bytes <= $3::int8 THEN \"amount\" END, _created_at,"
	    " _updated_at FROM (SELECT *, 0::int8"
	    " + coalesce(octet_length(\"order\"), 0)"
	    " + coalesce(octet_length(\"amount\"), 0) AS _bytes FROM ("
	    "SELECT k.i, p.next_offset, t.\"version\", " ROW_MORE
	    " FROM unnest($1::text[], $2::int4[])"
	    " WITH ORDINALITY AS k(\"key\", partition, i)"
	    " JOIN sluice.progress p ON p.partition = k.partition"
	    " LEFT JOIN public.\"select\" t ON t.\"key\" = k.\"key\""
	    " OFFSET 0) AS r(_i, _as_of, _version, _key, \"order\","
	    " \"count\", \"amount\", _created_at, _updated_at) OFFSET 0)"
	    " AS r");
}

/* Postgres refuses a parameter that the statement does not have. */
static void without_large_fields(void **state)
{
	(void)state;
	static const struct field count = {
	    .name = "count", .stored = "count", .column = COLUMN_BIGINT};
	struct collection small = more;
	small.fields = &count;
	small.nfields = 1;
	struct buf b = {0};
	sql_read_within(&b, &small);
	assert_non_null(
	    strstr(b.data, "\"count\", _created_at, _updated_at FROM ("
			   "SELECT *, 0::int8 * $3::int8 AS _bytes FROM ("));
	buf_clear(&b);
	sql_current(&b, &small);
	assert_non_null(strstr(b.data, "0::int8 * $2::int8 AS _bytes"));
	buf_free(&b);
}

static void more_fields(void **state)
{
	(void)state;
	is(sql_upsert, &more,
	    "INSERT INTO public.\"select\" AS t (\"key\", \"order\", "
	    "\"count\", \"amount\", \"created_at\", \"updated_at\", "
	    "\"version\")"
	    " SELECT r._key, r.\"order\"::text, r.\"count\"::bigint,"
	    " r.\"amount\"::numeric, r._created_at, r._updated_at,"
	    " r._version"
	    " FROM (SELECT unnest($1::text[]) AS _key,"
	    " unnest($2::int8[]) AS _version,"
	    " unnest($3::timestamptz[]) AS _created_at,"
	    " unnest($4::timestamptz[]) AS _updated_at,"
	    " unnest($5::text[]) AS \"order\","
	    " unnest($6::text[]) AS \"count\","
	    " unnest($7::text[]) AS \"amount\") AS r ON CONFLICT (\"key\")"
	    " DO UPDATE SET \"order\" = excluded.\"order\","
	    " \"count\" = excluded.\"count\","
	    " \"amount\" = excluded.\"amount\","
	    " \"updated_at\" = excluded.\"updated_at\", \"version\" = "
	    "excluded.\"version\""
	    " WHERE t.\"version\" < excluded.\"version\" OR "
	    "excluded.\"version\" = 0"
	    " RETURNING t.xmax = 0, " ROW_MORE);
}

/* Every tier holds equal bytes: the same columns, wherever a row is, from the
 * column on that is said. */
static void one_row(void **state)
{
	(void)state;
	static const struct {
		make make;
		int first;
		const char *before;
	} all[] = {
	    {sql_read, SQL_READ_ROW, "SELECT "},
	    {sql_upsert, SQL_UPSERT_ROW, " RETURNING "},
	};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		struct buf b = {0};
		all[i].make(&b, &more);
		const char *at = strstr(b.data, ROW_MORE);
		const char *p = strstr(b.data, all[i].before);
		int column = 0;
		assert_non_null(at);
		for (; p < at; p++)
			column += *p == ',';
		assert_int_equal(column, all[i].first);
		buf_free(&b);
	}
	assert_non_null(strstr(SQL_SESSION, "client_encoding = 'UTF8'"));
}

static void quoted(void **state)
{
	(void)state;
	static const struct {
		const char *text, *want;
	} table[] = {
	    {"", "''"},
	    {"a b", "'a b'"},
	    {"it's", "'it''s'"},
	    {"''", "''''''"},
	    {"$$; DROP TABLE x; --", "'$$; DROP TABLE x; --'"},
	    {"\\", " E'\\\\'"},
	    {"\\'", " E'\\\\'''"},
	    {"\\' OR 1=1 --", " E'\\\\'' OR 1=1 --'"},
	    {"\xc3\xa9\n", "'\xc3\xa9\n'"},
	};
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		struct buf b = {0};
		sql_literal(&b, table[i].text, strlen(table[i].text));
		assert_string_equal(b.data, table[i].want);
		buf_free(&b);
	}
}

/* The statement for what has expired. */
static void expired_is(const char *key, const char *what, bool after)
{
	char text[400];
	struct declare_fault fault;
	struct buf sql = {0};
	snprintf(text, sizeof text,
	    "{\"name\":\"c\",\"key\":{\"type\":\"%s\"},\"fields\":{"
	    "\"at\":{\"type\":\"string\",\"format\":\"date-time\","
	    "\"nullable\":true}},\"expires\":\"at\"}",
	    key);
	struct declaration *d = declare(text, strlen(text), "c", &fault);
	assert_non_null(d);
	sql_expired(&sql, declaration_collection(d), after);
	assert_string_equal(sql.data, what);
	buf_free(&sql);
	declaration_free(&d);
}

static void expired(void **state)
{
	(void)state;
	expired_is("string",
	    "SELECT t.\"key\", t.\"version\", t.\"at\"::text FROM public.\"c\" "
	    "t "
	    "WHERE t.\"at\" <= $1::text::timestamptz ORDER BY t.\"at\", "
	    "t.\"key\" COLLATE \"C\" LIMIT $2::int8",
	    false);
	expired_is("integer",
	    "SELECT t.\"key\"::text, t.\"version\", t.\"at\"::text FROM "
	    "public.\"c\" t WHERE t.\"at\" <= $1::text::timestamptz AND "
	    "(t.\"at\", t.\"key\") > ($3::text::timestamptz, "
	    "$4::text::bigint) ORDER BY t.\"at\", t.\"key\" LIMIT $2::int8",
	    true);
}

/* A key of several columns. */
static void key_with_parts(void **state)
{
	(void)state;
	static const char text[] =
	    "{\"name\":\"c\",\"times\":false,\"key\":[\"t\",\"n\"],\"fields\":{"
	    "\"x\":{\"type\":\"boolean\"},\"n\":{\"type\":\"integer\","
	    "\"format\":"
	    "\"int32\"},\"t\":{\"type\":\"string\"}},\"required\":[\"x\"]}";
	struct declare_fault fault;
	struct declaration *d = declare(text, sizeof text - 1, "c", &fault);
	if (d == NULL)
		fail_msg("%s: %s", fault.pointer, fault.reason);
	const struct collection *c = declaration_collection(d);
#define KEY_OF_T                                                               \
	"(replace(replace(t.\"t\"::text, '%', '%25'), ',', '%2C') || ',' || "  \
	"t.\"n\"::text)"
#define PART_T(k)                                                              \
	"replace(replace(split_part(" k ", ',', 1), '%2C', ','), '%25', '%')"
#define PART_N(k) "split_part(" k ", ',', 2)::bigint"
#define ROWS_FROM                                                              \
	"(SELECT unnest($1::text[]) AS _key, unnest($2::int8[]) AS _version, " \
	"unnest($3::timestamptz[]) AS _created_at, "                           \
	"unnest($4::timestamptz[]) AS _updated_at, "
#define PARTS_FROM ", r.\"x\"::boolean, r._version FROM " ROWS_FROM
#define IS_KEY                                                                 \
	"t.\"t\" = " PART_T("k.\"key\"") " AND t.\"n\" = " PART_N("k.\"key\"")
	is(sql_read, c,
	    "SELECT k.i, p.next_offset, t.\"version\", " KEY_OF_T
	    ", t.\"x\"::text, t.\"n\"::text, t.\"t\"::text, "
	    "NULL::timestamptz, NULL::timestamptz FROM unnest($1::text[], "
	    "$2::int4[]) WITH ORDINALITY AS k(\"key\", partition, i) JOIN "
	    "sluice.progress p ON p.partition = k.partition LEFT JOIN "
	    "public.\"c\" t ON " IS_KEY);
	is(sql_upsert, c,
	    "INSERT INTO public.\"c\" AS t (\"t\", \"n\", \"x\", \"version\") "
	    "SELECT " PART_T("r._key") ", " PART_N("r._key") PARTS_FROM
	    "unnest($5::text[]) AS \"x\", unnest($6::text[]) AS \"n\", "
	    "unnest($7::text[]) AS \"t\") AS r ON CONFLICT (\"t\", \"n\") DO "
	    "UPDATE SET \"x\" = excluded.\"x\", \"version\" = "
	    "excluded.\"version\" WHERE t.\"version\" < excluded.\"version\" "
	    "OR excluded.\"version\" = 0 RETURNING t.xmax = 0, " KEY_OF_T
	    ", t.\"x\"::text, t.\"n\"::text, t.\"t\"::text, "
	    "NULL::timestamptz, NULL::timestamptz");
	is(sql_delete, c,
	    "DELETE FROM public.\"c\" t USING unnest($1::text[], $2::int8[]) "
	    "AS k(\"key\", version) WHERE " IS_KEY
	    " AND (t.\"version\" < k.version OR k.version = 0) "
	    "RETURNING " KEY_OF_T " AS \"key\"");
	is(sql_table_body, c,
	    "(\n  \"x\" boolean NOT NULL,\n  \"n\" integer NOT NULL,\n"
	    "  \"t\" text COLLATE \"C\" NOT NULL,\n  \"version\" bigint NOT "
	    "NULL,\n  PRIMARY KEY (\"t\", \"n\")\n) WITH (fillfactor = 80)");
	declaration_free(&d);
}

/* A table that is not Sluice's: what its types are read and written as. */
static void wide_types(void **state)
{
	(void)state;
	static const char text[] =
	    "{\"name\":\"c\",\"table\":\"x.c\",\"times\":false,\"key\":{"
	    "\"type\":"
	    "\"integer\"},\"fields\":{\"mood\":{\"type\":\"string\",\"enum\":["
	    "\"a\"],\"columnType\":\"x.M\",\"nullable\":true},\"ip\":{\"type\":"
	    "\"string\",\"format\":\"inet\",\"nullable\":true},\"net\":{"
	    "\"type\":"
	    "\"string\",\"format\":\"cidr\",\"nullable\":true},\"tags\":{"
	    "\"type\":"
	    "\"array\",\"items\":{\"type\":\"integer\",\"format\":\"int32\"},"
	    "\"nullable\":true},\"days\":{\"type\":\"array\",\"items\":{"
	    "\"type\":"
	    "\"string\",\"format\":\"date\"},\"nullable\":true},\"sum\":{"
	    "\"type\":"
	    "\"number\",\"readOnly\":true}}}";
	struct declare_fault fault;
	struct declaration *d = declare(text, sizeof text - 1, "c", &fault);
	if (d == NULL)
		fail_msg("%s: %s", fault.pointer, fault.reason);
	const struct collection *c = declaration_collection(d);
#define WIDE                                                                   \
	"t.\"key\"::text, t.\"mood\"::text, abbrev(t.\"ip\")::text, "          \
	"t.\"net\"::text, array_to_json(t.\"tags\")::text, "                   \
	"array_to_json(t.\"days\")::text, t.\"sum\"::text, "                   \
	"NULL::timestamptz, NULL::timestamptz"
	is(sql_row, c, WIDE);
	is(sql_upsert, c,
	    "INSERT INTO \"x\".\"c\" AS t (\"key\", \"mood\", \"ip\", \"net\", "
	    "\"tags\", \"days\", \"version\") OVERRIDING SYSTEM VALUE SELECT "
	    "r._key::bigint, r.\"mood\"::\"x\".\"M\", r.\"ip\"::inet, "
	    "r.\"net\"::cidr, CASE WHEN r.\"tags\" IS NOT NULL THEN "
	    "ARRAY(SELECT e.v::numeric::integer FROM "
	    "jsonb_array_elements_text(r.\"tags\"::jsonb) WITH ORDINALITY AS "
	    "e(v, i) ORDER BY e.i) END, CASE WHEN r.\"days\" IS NOT NULL THEN "
	    "ARRAY(SELECT e.v::date FROM "
	    "jsonb_array_elements_text(r.\"days\"::jsonb) WITH ORDINALITY AS "
	    "e(v, i) ORDER BY e.i) END, r._version FROM " ROWS_FROM
	    "unnest($5::text[]) AS \"mood\", unnest($6::text[]) AS \"ip\", "
	    "unnest($7::text[]) AS \"net\", unnest($8::text[]) AS \"tags\", "
	    "unnest($9::text[]) AS \"days\", unnest($10::text[]) AS \"sum\") "
	    "AS r ON CONFLICT (\"key\") DO "
	    "UPDATE SET \"mood\" = excluded.\"mood\", \"ip\" = "
	    "excluded.\"ip\", \"net\" = excluded.\"net\", \"tags\" = "
	    "excluded.\"tags\", \"days\" = excluded.\"days\", \"version\" = "
	    "excluded.\"version\" WHERE t.\"version\" < excluded.\"version\" "
	    "OR excluded.\"version\" = 0 RETURNING t.xmax = 0, " WIDE);
	declaration_free(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(quoted),
	    cmocka_unit_test(records),
	    cmocka_unit_test(within),
	    cmocka_unit_test(without_large_fields),
	    cmocka_unit_test(more_fields),
	    cmocka_unit_test(one_row),
	    cmocka_unit_test(expired),
	    cmocka_unit_test(wide_types),
	    cmocka_unit_test(key_with_parts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
