/* The SQL of lists, letter by letter, and what travels beside it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/list/list_cursor.h"
#include "api/list/list_sql.h"
#include "common/postgres/pg.h"
#include "common/schema/declare.h"
#include "tests/unit/declared.h"

#include <string.h>

static void add(struct list_query *q, const char *name, const char *value)
{
	struct list_fault fault;
	if (!list_query_add(
		q, name, strlen(name), value, strlen(value), &fault))
		fail_msg("%s: %s", name, fault.detail);
}

/* The part that finds the rows. */
static void finds(struct list_sql *s, const char *want)
{
	static const char end[] =
	    ") t) q WHERE q.\"_begin\" < $2 ORDER BY q.\"_begin\"";
	const char *begin = strstr(s->sql.data, "\"_begin\" FROM (");
	assert_non_null(begin);
	begin += strlen("\"_begin\" FROM (");
	size_t len = strlen(begin);
	assert_true(len > sizeof end);
	assert_string_equal(begin + len - (sizeof end - 1), end);
	s->sql.data[s->sql.len - (sizeof end - 1)] = '\0';
	assert_string_equal(begin, want);
}

/* Sets the cursor. `values`: NULL stands for null. */
static void place_of(
    struct list_query *q, const char *const *values, const char *key)
{
	struct list_fault fault;
	struct buf b = {0};
	struct list_place at = {
	    .key = (char *)(uintptr_t)key, .key_len = strlen(key)};
	for (size_t i = 0; i < q->norders; i++)
		at.values[i] =
		    (struct list_place_value){.is_null = values[i] == NULL,
			.value = (char *)(uintptr_t)values[i],
			.value_len = values[i] ? strlen(values[i]) : 0};
	list_cursor_write(&b, q, &at);
	add(q, "cursor", b.data);
	assert_true(list_query_finish(q, &fault));
	buf_free(&b);
}

static void whole(void **state)
{
	(void)state;
	struct list_sql s;
	struct list_query *q = list_query_new(declared("products"));
	add(q, "order", "price.desc");
	add(q, "limit", "7");
	list_sql_make(&s, q, 5000, 0);
	assert_string_equal(s.sql.data,
	    "SELECT * FROM (SELECT t.\"price\"::text AS \"_after0\", "
	    "t.\"id\"::text, t.\"name\"::text, t.\"description\"::text, "
	    "t.\"price\"::text, t.\"category\"::text, "
	    "t.\"stock_quantity\"::text, t.\"created_at\"::timestamptz, "
	    "t.\"updated_at\"::timestamptz, count(*) OVER () AS \"_found\", "
	    "sum(180 + coalesce(octet_length(t.\"name\"::text), 0)"
	    " + coalesce(octet_length(t.\"description\"::text), 0)"
	    " + coalesce(octet_length(t.\"price\"::text), 0)"
	    " + coalesce(octet_length(t.\"category\"::text), 0))"
	    " OVER ( ORDER BY t.\"price\" DESC, t.\"id\" DESC"
	    " ROWS UNBOUNDED PRECEDING) - "
	    "(180 + coalesce(octet_length(t.\"name\"::text), 0)"
	    " + coalesce(octet_length(t.\"description\"::text), 0)"
	    " + coalesce(octet_length(t.\"price\"::text), 0)"
	    " + coalesce(octet_length(t.\"category\"::text), 0))"
	    " AS \"_begin\" FROM (SELECT t.* FROM public.\"products\" t"
	    " WHERE true ORDER BY t.\"price\" DESC, t.\"id\" DESC LIMIT $1"
	    ") t) q WHERE q.\"_begin\" < $2 ORDER BY q.\"_begin\"");
	assert_int_equal(s.n, 2);
	assert_string_equal(s.values[0], "8"); /* is there another one? */
	assert_string_equal(s.values[1], "5000");
	list_sql_free(&s);
	list_query_unref(&q);
}

static void filtered(void **state)
{
	(void)state;
	struct list_sql s;
	struct list_query *q = list_query_new(declared("samples"));
	struct list_fault fault;
	add(q, "order", "sample_id");
	add(q, "mood", "ilike.*'); DROP TABLE x; --*");
	add(q, "mood", "neq.so-so");
	add(q, "whole", "in.(1,2)");
	add(q, "whole", "is.not_null");
	add(q, "part", "gte.1.50");
	add(q, "flag", "eq.true");
	add(q, "flag", "is.false");
	add(q, "at", "lt.2026-01-01T00:00:00Z");
	add(q, "sample_id", "gt.2eb8aa08-aa98-71ea-b4aa-73b441d16380");
	assert_true(list_query_finish(q, &fault));
	list_sql_make(&s, q, 5000, 0);
	finds(&s,
	    "SELECT t.* FROM public.\"samples\" t WHERE "
	    "t.\"sample_id\" > $3 AND "
	    "t.\"mood\" COLLATE \"C\" <> $4 AND t.\"mood\" ILIKE $5 AND "
	    "t.\"whole\" = ANY ($6::text[]::bigint[]) AND "
	    "t.\"whole\" IS NOT NULL AND t.\"part\" >= $7 AND "
	    "t.\"flag\" = $8 AND t.\"flag\" IS FALSE AND t.\"at\" < $9 AND "
	    "true ORDER BY t.\"sample_id\" LIMIT $1");
	static const Oid types[] = {PG_INT8, PG_INT8, PG_UUID, PG_TEXT, PG_TEXT,
	    PG_TEXT_ARRAY, PG_NUMERIC, PG_BOOL, PG_TIMESTAMPTZ};
	assert_int_equal(s.n, 9);
	assert_memory_equal(s.types, types, sizeof types);
	assert_string_equal(s.values[4], "%'); DROP TABLE x; --%");
	assert_string_equal(s.values[6], "1.50");
	assert_int_equal(s.formats[5], 1);
	list_sql_free(&s);
	list_query_unref(&q);
}

static void grouped(void **state)
{
	(void)state;
	struct list_sql s;
	struct list_fault fault;
	struct list_query *q = list_query_new(declared("samples"));
	add(q, "order", "sample_id");
	add(q, "or", "(whole.gt.2,and(flag.is.true,mood.not.like.a*))");
	add(q, "not.and", "(whole.eq.1,flag.eq.true)");
	add(q, "and", "(whole.lt.9,part.not.gt.3)");
	add(q, "mood", "not.in.(a)");
	assert_true(list_query_finish(q, &fault));
	list_sql_make(&s, q, 5000, 0);
	finds(&s,
	    "SELECT t.* FROM public.\"samples\" t WHERE "
	    "t.\"whole\" < $3 AND "
	    "NOT (t.\"mood\" COLLATE \"C\" = ANY ($4::text[]::text[])) AND "
	    "NOT (t.\"part\" > $5) AND "
	    "(t.\"whole\" > $6 OR "
	    "(t.\"flag\" IS TRUE AND NOT (t.\"mood\" COLLATE \"C\" LIKE $7)))"
	    " AND NOT (t.\"whole\" = $8 AND t.\"flag\" = $9) AND "
	    "true ORDER BY t.\"sample_id\" LIMIT $1");
	assert_int_equal(s.n, 9);
	list_sql_free(&s);
	list_query_unref(&q);
}

/* The index has the beginning of a member's text. */
static void members(void **state)
{
	(void)state;
	struct list_sql s;
	struct list_fault fault;
	struct list_query *q = list_query_new(declared("samples"));
	add(q, "order", "sample_id");
	add(q, "tree.name", "eq.Paris");
	add(q, "tree.name", "like.P*");
	add(q, "or", "(tree.size.cm.gt.1,tree.name.in.(a,b))");
	add(q, "tree.size.cm", "is.null");
	add(q, "tree.size.cm", "not.eq.7");
	assert_true(list_query_finish(q, &fault));
	list_sql_make(&s, q, 5000, 0);
#define NAME "(t.\"tree\" #>> '{\"name\"}')"
#define CM "(t.\"tree\" #>> '{\"size\",\"cm\"}')"
#define C " COLLATE \"C\""
	finds(&s,
	    "SELECT t.* FROM public.\"samples\" t WHERE "
	    "(left(" NAME ", 500)" C " = left($3, 500) AND " NAME C " = $3) "
	    "AND (" NAME C " LIKE $4) AND (" CM " IS NULL) AND "
	    "NOT (" CM C " = $5) AND "
	    "((left(" NAME ", 500)" C
	    " = ANY (ARRAY(SELECT left(v, 500) FROM unnest($6::text[]) v)) "
	    "AND " NAME C " = ANY ($6::text[]::text[])) OR "
	    "(left(" CM ", 500)" C " >= left($7, 500) AND " CM C " > $7)) AND "
	    "true ORDER BY t.\"sample_id\" LIMIT $1");
	assert_int_equal(s.n, 7);
	list_sql_free(&s);
	list_query_unref(&q);
}

/* What is not selected is not read. */
static void selected(void **state)
{
	(void)state;
	struct list_sql s;
	struct list_query *q = list_query_new(declared("posts"));
	q->selects = true;
	add(q, "select", "title");
	list_sql_make(&s, q, 5000, 0);
	static const char want[] =
	    "SELECT * FROM (SELECT NULL::text AS \"_after0\", "
	    "t.\"id\"::text, t.\"title\"::text, NULL::text, NULL::text, "
	    "t.\"created_at\"::timestamptz, t.\"updated_at\"::timestamptz, "
	    "count(*) OVER () AS \"_found\", "
	    "sum(148 + coalesce(octet_length(t.\"title\"::text), 0)) OVER";
	assert_memory_equal(s.sql.data, want, sizeof want - 1);
	list_sql_free(&s);
	list_query_unref(&q);
}

static void counted(void **state)
{
	(void)state;
	struct list_sql s;
	struct list_query *q = list_query_new(declared("samples"));
	list_sql_make_count(&s, q, 0);
	assert_string_equal(
	    s.sql.data, "SELECT count(*) FROM public.\"samples\" t WHERE true");
	assert_int_equal(s.n, 0);
	list_sql_free(&s);
	add(q, "whole", "in.(1,2)");
	add(q, "part", "gte.1.50");
	list_sql_make_count(&s, q, 0);
	assert_string_equal(s.sql.data,
	    "SELECT count(*) FROM public.\"samples\" t WHERE "
	    "t.\"whole\" = ANY ($1::text[]::bigint[]) AND "
	    "t.\"part\" >= $2 AND true");
	assert_int_equal(s.n, 2);
	list_sql_free(&s);
	list_query_unref(&q);
}

/* Only what has not expired; and when the first of it will. */
static void expiring(void **state)
{
	static const char text[] =
	    "{\"name\":\"c\",\"key\":{\"type\":\"string\"},\"fields\":{"
	    "\"at\":{\"type\":\"string\",\"format\":\"date-time\","
	    "\"nullable\":true}},\"expires\":\"at\"}";
	struct declare_fault fault;
	struct list_sql s;
	struct buf sql = {0};
	(void)state;
	struct declaration *d = declare(text, strlen(text), "c", &fault);
	assert_non_null(d);
	struct list_query *q = list_query_new(declaration_collection(d));
	list_sql_make(&s, q, 5000, 1000001);
	assert_non_null(strstr(s.sql.data,
	    "AS \"_begin\", (extract(epoch FROM min(t.\"at\") FILTER (WHERE "
	    "isfinite(t.\"at\")) OVER ()) * 1000000)::int8 AS \"_ends\" FROM "
	    "(SELECT t.* FROM public.\"c\" t WHERE (t.\"at\" IS NULL OR "
	    "t.\"at\" > $3) AND true ORDER BY"));
	assert_string_equal(s.values[2], "1970-01-01T00:00:01.000001Z");
	assert_int_equal(s.types[2], PG_TIMESTAMPTZ);
	assert_string_equal(list_sql_shape(q), "sRv88?");
	list_sql_free(&s);
	list_sql_make_count(&s, q, 1000001);
	assert_string_equal(s.sql.data,
	    "SELECT count(*), (extract(epoch FROM min(t.\"at\") FILTER (WHERE "
	    "isfinite(t.\"at\"))) * 1000000)::int8 AS \"_ends\" FROM "
	    "public.\"c\" t WHERE (t.\"at\" IS NULL OR t.\"at\" > $1) AND "
	    "true");
	assert_string_equal(list_sql_count_shape(q), "v8?!");
	list_sql_free(&s);
	list_sql_export(&sql, q, 1000001);
	assert_non_null(strstr(sql.data,
	    "(t.\"at\" IS NULL OR t.\"at\" > "
	    "'1970-01-01T00:00:01.000001Z'::timestamptz) AND true"));
	buf_free(&sql);
	list_query_unref(&q);
	declaration_free(&d);
}

static void exports(struct list_query *q, const char *want)
{
	struct list_fault fault;
	struct buf sql = {0};
	assert_true(list_query_finish(q, &fault));
	list_sql_export(&sql, q, 0);
	assert_string_equal(sql.data, want);
	buf_free(&sql);
	list_query_unref(&q);
}

/* COPY takes no parameters: each value is a literal of its type. */
static void exported(void **state)
{
	(void)state;
	struct list_query *q = list_query_new(declared("records"));
	exports(q,
	    "COPY (SELECT t.\"key\", t.\"value\"::text, "
	    "t.\"created_at\"::timestamptz, t.\"updated_at\"::timestamptz"
	    " FROM public.\"records\" t WHERE true ORDER BY t.\"key\""
	    " COLLATE \"C\") TO STDOUT (FORMAT binary)");
	q = list_query_new(declared("posts"));
	q->exports = q->selects = true;
	add(q, "select", "author");
	add(q, "author", "in.(\"it's\",\\\\,\"$$;--\")");
	add(q, "or", "(id.gte.-7,not.and(author.like.\"a\\\\*\",id.eq.1))");
	add(q, "created_at", "lt.2026-01-01T00:00:00Z");
	add(q, "author", "is.not_null");
#define AUTHOR "t.\"author\" COLLATE \"C\""
	exports(q,
	    "COPY (SELECT t.\"id\"::text, NULL::text, NULL::text, "
	    "t.\"author\"::text, t.\"created_at\"::timestamptz, "
	    "t.\"updated_at\"::timestamptz FROM public.\"posts\" t "
	    "WHERE " AUTHOR
	    " = ANY (ARRAY['it''s', E'\\\\\\\\','$$;--']::text[]::text[]) AND "
	    "t.\"author\" IS NOT NULL AND "
	    "t.\"created_at\" < '2026-01-01T00:00:00Z'::timestamptz AND "
	    "(t.\"id\" >= '-7'::bigint OR NOT (t.\"id\" = '1'::bigint "
	    "AND " AUTHOR " LIKE  E'a\\\\*'::text)) AND "
	    "true) TO STDOUT (FORMAT binary)");
	q = list_query_new(declared("samples"));
	q->exports = true;
	add(q, "tree.name", "eq.'");
	add(q, "tree.name", "in.(\"'\")");
	struct list_fault fault;
	struct buf sql = {0};
	assert_true(list_query_finish(q, &fault));
	list_sql_export(&sql, q, 0);
	assert_non_null(strstr(sql.data,
	    " t WHERE (left(" NAME ", 500) COLLATE \"C\" = "
	    "left(''''::text, 500) AND " NAME " COLLATE \"C\" = ''''::text)"
	    " AND (left(" NAME ", 500) COLLATE \"C\" = ANY (ARRAY(SELECT "
	    "left(v, 500) FROM unnest(ARRAY['''']::text[]) v)) AND " NAME
	    " COLLATE \"C\" = ANY (ARRAY['''']::text[]::text[])) AND true) "
	    "TO STDOUT (FORMAT binary)"));
	buf_free(&sql);
	list_query_unref(&q);
}

#define KEY "2eb8aa08-aa98-71ea-b4aa-73b441d16380"

static void behind(const char *collection, const char *order, bool is_null,
    const char *value, const char *key, const char *want, int params)
{
	struct list_sql s;
	struct list_query *q = list_query_new(declared(collection));
	add(q, "order", order);
	place_of(q, (const char *[]){is_null ? NULL : value}, key);
	list_sql_make(&s, q, 5000, 0);
	finds(&s, want);
	assert_int_equal(s.n, params);
	list_sql_free(&s);
	list_query_unref(&q);
}

static void cursors(void **state)
{
	(void)state;
	behind("posts", "id", false, "", "7",
	    "SELECT t.* FROM public.\"posts\" t WHERE t.\"id\" > $3"
	    " ORDER BY t.\"id\" LIMIT $1",
	    3);
	behind("records", "key.desc", false, "", "a",
	    "SELECT t.* FROM public.\"records\" t WHERE"
	    " t.\"key\" COLLATE \"C\" < $3"
	    " ORDER BY t.\"key\" COLLATE \"C\" DESC LIMIT $1",
	    3);
	behind("posts", "title.desc", false, "x", "7",
	    "SELECT t.* FROM public.\"posts\" t WHERE"
	    " (t.\"title\" COLLATE \"C\", t.\"id\") < ($3, $4)"
	    " ORDER BY t.\"title\" COLLATE \"C\" DESC, t.\"id\" DESC LIMIT $1",
	    4);
}

static char *longer(char first)
{
	static char text[6000];
	memset(text, '7', sizeof text - 1);
	text[0] = first;
	return text;
}

static void long_values(void **state)
{
	(void)state;
	behind("products", "price", false, longer('7'), "7",
	    "SELECT t.* FROM public.\"products\" t WHERE"
	    " (t.\"price\", t.\"id\") > (coalesce((SELECT t.\"price\""
	    " FROM public.\"products\" t WHERE t.\"id\" = $4 AND"
	    " octet_length(t.\"price\"::text) = $5 AND t.\"price\" >= $3),"
	    " $3), $4) ORDER BY t.\"price\", t.\"id\" LIMIT $1",
	    5);
	behind("posts", "title.desc", false, longer('x'), "7",
	    "SELECT t.* FROM public.\"posts\" t WHERE (t.\"title\" COLLATE"
	    " \"C\", t.\"id\") < (coalesce((SELECT t.\"title\" FROM"
	    " public.\"posts\" t WHERE t.\"id\" = $4 AND"
	    " octet_length(t.\"title\"::text) = $5 AND t.\"title\" COLLATE"
	    " \"C\" <= $3), $3), $4)"
	    " ORDER BY t.\"title\" COLLATE \"C\" DESC, t.\"id\" DESC LIMIT $1",
	    5);
}

#define SAMPLES "SELECT t.* FROM public.\"samples\" t WHERE "

static void nulls(void **state)
{
	(void)state;
#define UP " ORDER BY t.\"at\", t.\"sample_id\" LIMIT $1"
#define DOWN " ORDER BY t.\"at\" DESC, t.\"sample_id\" DESC LIMIT $1"
	behind("samples", "at", false, "2026-01-01 00:00:00+00", KEY,
	    "SELECT t.* FROM ((" SAMPLES
	    "(t.\"at\", t.\"sample_id\") > ($3, $4)" UP ") UNION ALL (" SAMPLES
	    "t.\"at\" IS NULL" UP ")) t" UP,
	    4);
	behind("samples", "at", true, "", KEY,
	    SAMPLES "t.\"at\" IS NULL AND t.\"sample_id\" > $3" UP, 3);
	behind("samples", "at.desc", true, "", KEY,
	    "SELECT t.* FROM ((" SAMPLES
	    "t.\"at\" IS NULL AND t.\"sample_id\" < $3" DOWN
	    ") UNION ALL (" SAMPLES "t.\"at\" IS NOT NULL" DOWN ")) t" DOWN,
	    3);
	behind("samples", "at.desc", false, "2026-01-01 00:00:00+00", KEY,
	    SAMPLES "(t.\"at\", t.\"sample_id\") < ($3, $4)" DOWN, 4);
}

static void several_are(const char *order, const char *const *values,
    const char *const *ranges, const char *by, int params)
{
	struct list_sql s;
	struct buf want = {0};
	struct list_query *q = list_query_new(declared("samples"));
	add(q, "order", order);
	place_of(q, values, KEY);
	buf_str(&want, ranges[1] ? "SELECT t.* FROM (" : "");
	for (size_t i = 0; ranges[i]; i++)
		buf_printf(&want, "%s%s" SAMPLES "%s ORDER BY %s LIMIT $1%s",
		    i ? " UNION ALL " : "", ranges[1] ? "(" : "", ranges[i], by,
		    ranges[1] ? ")" : "");
	if (ranges[1])
		buf_printf(&want, ") t ORDER BY %s LIMIT $1", by);
	list_sql_make(&s, q, 5000, 0);
	assert_string_equal(list_sql_shape(q), "ssRv8");
	finds(&s, want.data);
	assert_int_equal(s.n, params);
	buf_free(&want);
	list_sql_free(&s);
	list_query_unref(&q);
}

/* Along an index: runs of one direction, and nulls. */
static void several(void **state)
{
	(void)state;
#define CODE "t.\"code\" COLLATE \"C\""
#define AT "t.\"at\""
#define ID "t.\"sample_id\""
#define MOOD "t.\"mood\" COLLATE \"C\""
	static const char first[] = CODE ", " AT " DESC, " ID " DESC";
	static const char turned[] = CODE " DESC, " AT ", " ID;
	static const char same[] = MOOD ", t.\"part\", " ID;
	const char *day = "2026-01-01 00:00:00+00";
	several_are("mood,part", (const char *[]){"good", "1.5"},
	    (const char *[]){
		"(" MOOD ", t.\"part\", " ID ") > ($3, $4, $5)", NULL},
	    same, 5);
	several_are("code,at.desc", (const char *[]){"AB-1", day},
	    (const char *[]){CODE " = $3 AND (" AT ", " ID ") < ($4, $5)",
		CODE " > $3", "t.\"code\" IS NULL", NULL},
	    first, 5);
	several_are("code,at.desc", (const char *[]){"AB-1", NULL},
	    (const char *[]){CODE " = $3 AND " AT " IS NULL AND " ID " < $4",
		CODE " = $3 AND " AT " IS NOT NULL", CODE " > $3",
		"t.\"code\" IS NULL", NULL},
	    first, 4);
	several_are("code,at.desc", (const char *[]){NULL, NULL},
	    (const char *[]){"t.\"code\" IS NULL AND " AT " IS NULL AND " ID
			     " < $3",
		"t.\"code\" IS NULL AND " AT " IS NOT NULL", NULL},
	    first, 3);
	several_are("code.desc,at", (const char *[]){"AB-1", day},
	    (const char *[]){CODE " = $3 AND (" AT ", " ID ") > ($4, $5)",
		CODE " = $3 AND " AT " IS NULL", CODE " < $3", NULL},
	    turned, 5);
	several_are("code.desc,at", (const char *[]){NULL, day},
	    (const char *[]){"t.\"code\" IS NULL AND (" AT ", " ID
			     ") > ($3, $4)",
		"t.\"code\" IS NULL AND " AT " IS NULL",
		"t.\"code\" IS NOT NULL", NULL},
	    turned, 4);
}

/* Two ranges of the index of the key: the group itself; what begins with it and
 * a colon. */
static void of_groups(void **state)
{
	(void)state;
	struct list_sql s;
	struct list_query *q =
	    list_query_group(declared("transfers"), "c42", 3, 0);
	list_sql_make(&s, q, 5000, 0);
	assert_memory_equal(s.sql.data,
	    "SELECT * FROM (SELECT t.version::text AS \"_after0\", ", 51);
	finds(&s,
	    "SELECT t.* FROM ((SELECT t.* FROM public.\"transfers\" t WHERE"
	    " t.\"key\" COLLATE \"C\" = $3"
	    " ORDER BY t.\"key\" COLLATE \"C\" LIMIT $1) UNION ALL"
	    " (SELECT t.* FROM public.\"transfers\" t WHERE"
	    " t.\"key\" COLLATE \"C\" >= $4 AND t.\"key\" COLLATE \"C\" < $5"
	    " ORDER BY t.\"key\" COLLATE \"C\" LIMIT $1)) t"
	    " ORDER BY t.\"key\" COLLATE \"C\" LIMIT $1");
	assert_int_equal(s.n, 5);
	assert_string_equal(s.values[0], "1001");
	assert_string_equal(s.values[2], "c42");
	assert_string_equal(s.values[3], "c42:");
	assert_string_equal(s.values[4], "c42;");
	list_sql_free(&s);
	list_query_unref(&q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(whole),
	    cmocka_unit_test(filtered),
	    cmocka_unit_test(grouped),
	    cmocka_unit_test(members),
	    cmocka_unit_test(selected),
	    cmocka_unit_test(counted),
	    cmocka_unit_test(expiring),
	    cmocka_unit_test(exported),
	    cmocka_unit_test(cursors),
	    cmocka_unit_test(long_values),
	    cmocka_unit_test(nulls),
	    cmocka_unit_test(several),
	    cmocka_unit_test(of_groups),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
