/* The table of a collection, letter by letter. That Postgres takes it, and
 * what --migrate makes of it, is in tests/integration/schema/test_migrate.py.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/schema/declare.h"
#include "common/sql/sql_relation.h"
#include "common/sql/sql_table.h"
#include "tests/unit/declared.h"

#include <stdio.h>
#include <stdlib.h>

static void is(void (*make)(struct buf *out, const struct collection *c),
    const char *name, const char *text)
{
	struct buf b = {0};
	buf_str(&b, "");
	make(&b, declared(name));
	assert_string_equal(b.data, text);
	buf_free(&b);
}

static void extras(struct buf *out, const struct collection *c)
{
	size_t n;
	struct sql_relation *all = sql_relation_all(c, &n);
	for (size_t i = 0; i < n; i++) {
		assert_non_null(strstr(all[i].sql, all[i].name));
		buf_printf(out, "%s;\n", all[i].sql);
	}
	sql_relation_free(all, n);
}

static void records(void **state)
{
	(void)state;
	is(sql_table_body, "records",
	    "(\n"
	    "  \"key\" text COLLATE \"C\" PRIMARY KEY,\n"
	    "  \"value\" text NOT NULL,\n"
	    "  \"created_at\" timestamptz NOT NULL,\n"
	    "  \"updated_at\" timestamptz NOT NULL,\n"
	    "  \"version\" bigint NOT NULL\n"
	    ") WITH (fillfactor = 80)");
	is(extras, "records", "");
}

static void products(void **state)
{
	(void)state;
	is(sql_table_body, "products",
	    "(\n"
	    "  \"id\" bigint PRIMARY KEY,\n"
	    "  \"name\" text NOT NULL,\n"
	    "  \"description\" text,\n"
	    "  \"price\" numeric NOT NULL,\n"
	    "  \"category\" text NOT NULL,\n"
	    "  \"stock_quantity\" bigint NOT NULL DEFAULT '0'::bigint,\n"
	    "  \"created_at\" timestamptz NOT NULL,\n"
	    "  \"updated_at\" timestamptz NOT NULL,\n"
	    "  \"version\" bigint NOT NULL,\n"
	    "  CONSTRAINT \"products_name_min_length\""
	    " CHECK (char_length(\"name\") >= 1),\n"
	    "  CONSTRAINT \"products_name_max_length\""
	    " CHECK (char_length(\"name\") <= 255),\n"
	    "  CONSTRAINT \"products_price_exclusive_minimum\""
	    " CHECK (\"price\" > '0'::numeric),\n"
	    "  CONSTRAINT \"products_category_min_length\""
	    " CHECK (char_length(\"category\") >= 1),\n"
	    "  CONSTRAINT \"products_category_max_length\""
	    " CHECK (char_length(\"category\") <= 100),\n"
	    "  CONSTRAINT \"products_stock_quantity_minimum\""
	    " CHECK (\"stock_quantity\" >= '0'::bigint)\n"
	    ") WITH (fillfactor = 80)");
	is(extras, "products",
	    "CREATE INDEX \"products_name_list\""
	    " ON public.\"products\" (\"name\" COLLATE \"C\", \"id\");\n"
	    "CREATE INDEX \"products_category_list\""
	    " ON public.\"products\" (\"category\" COLLATE \"C\", \"id\");\n"
	    "CREATE INDEX \"products_price_list\""
	    " ON public.\"products\" (\"price\", \"id\");\n"
	    "CREATE INDEX \"products_stock_quantity_list\""
	    " ON public.\"products\" (\"stock_quantity\", \"id\");\n"
	    "CREATE INDEX \"products_created_at_list\""
	    " ON public.\"products\" (\"created_at\", \"id\");\n"
	    "CREATE SEQUENCE public.\"products_id_seq\""
	    " INCREMENT BY 1000;\n");
	is(sql_table_reserve, "products",
	    "SELECT r.first, r.n, r.free_to FROM"
	    " sluice.reserve('public.\"products_id_seq\"'::regclass,"
	    " 'public.\"products\"'::regclass, 'id'::name, $1::int4,"
	    " $2::int8) r");
}

/* Every kind of literal, quotes doubled. */
/* Indexes on members of objects and on several columns. */
static void indexes(void **state)
{
	(void)state;
	static const char *const parts[] = {
	    "CREATE INDEX \"samples_tree.name_list\" ON public.\"samples\" "
	    "(left((\"tree\" #>> '{\"name\"}'), 500) COLLATE \"C\", "
	    "\"sample_id\");\n",
	    "(left((\"tree\" #>> '{\"size\",\"cm\"}'), 500) COLLATE \"C\", ",
	    "CREATE INDEX \"samples_code_at_desc_index\" ON "
	    "public.\"samples\" (\"code\" COLLATE \"C\", \"at\" DESC, "
	    "\"sample_id\" DESC);\n",
	    "CREATE INDEX \"samples_mood_part_index\" ON public.\"samples\" "
	    "(\"mood\" COLLATE \"C\", \"part\", \"sample_id\");\n",
	};
	struct buf b = {0};
	extras(&b, declared("samples"));
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		if (strstr(b.data, parts[i]) == NULL)
			fail_msg("%s\n%s", parts[i], b.data);
	}
	buf_free(&b);
}

static void samples(void **state)
{
	(void)state;
	static const char *const parts[] = {
	    "\"sample_id\" uuid PRIMARY KEY",
	    "\"mood\" text NOT NULL DEFAULT 'it''s'::text",
	    "\"at\" timestamptz,",
	    "\"other\" uuid,",
	    "\"part\" numeric NOT NULL DEFAULT '1.50'::numeric",
	    "\"flag\" boolean NOT NULL DEFAULT 'false'::boolean",
	    "\"tree\" jsonb NOT NULL DEFAULT '{}'::jsonb",
	    "CHECK (\"mood\" IN ('good'::text, 'it''s'::text, 'so-so'::text))",
	    "CHECK (\"whole\" >= '-5'::bigint)",
	    "CHECK (\"part\" <= '1e20'::numeric)",
	    "CHECK (\"step\" IN ('0.1'::numeric, '0.25'::numeric,"
	    " '1e3'::numeric))",
	    "CONSTRAINT \"samples_tree_type\""
	    " CHECK (jsonb_typeof(\"tree\") = 'object')",
	    "CHECK (jsonb_typeof(\"list\") = 'array')",
	};
	struct buf b = {0};
	sql_table_body(&b, declared("samples"));
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		if (strstr(b.data, parts[i]) == NULL)
			fail_msg("%s\n%s", parts[i], b.data);
	}
	buf_free(&b);
}

static void names(void **state)
{
	(void)state;
	char a[SQL_TABLE_NAME_LEN], b[SQL_TABLE_NAME_LEN];
	const struct collection c = {
	    .name = "a_collection_with_quite_a_long_name_____"};
	sql_table_name(a, &c, "x", NULL);
	assert_string_equal(a, "a_collection_with_quite_a_long_name______x");
	sql_table_name(
	    a, &c, "a_field_with_quite_a_long_name_itself", "min_length");
	sql_table_name(
	    b, &c, "a_field_with_quite_a_long_name_itself", "max_length");
	assert_true(strlen(a) < SQL_TABLE_NAME_LEN);
	assert_string_not_equal(a, b);
	assert_memory_equal(a, b, 52);
}

/* Its names may have any characters, and its key a sequence of its own. */
/* One index on the field `expires`: that of lists, if there is one. */
static void expiring(void **state)
{
	static const char *const more[] = {
	    "", ",\"list\":{\"filter\":[\"at\"]}"};
	static const char *const want[] = {"c_at_expires", "c_at_list"};
	(void)state;
	for (int i = 0; i < 2; i++) {
		char text[400], sql[200];
		struct declare_fault fault;
		size_t n;
		snprintf(text, sizeof text,
		    "{\"name\":\"c\",\"key\":{\"type\":\"string\"},\"fields\":{"
		    "\"at\":{\"type\":\"string\",\"format\":\"date-time\","
		    "\"nullable\":true}},\"expires\":\"at\"%s}",
		    more[i]);
		snprintf(sql, sizeof sql,
		    "CREATE INDEX \"%s\" ON public.\"c\" (\"at\", \"key\")",
		    want[i]);
		struct declaration *d =
		    declare(text, strlen(text), "c", &fault);
		assert_non_null(d);
		struct sql_relation *all =
		    sql_relation_all(declaration_collection(d), &n);
		assert_int_equal(n, 1);
		assert_string_equal(all[0].sql, sql);
		sql_relation_free(all, n);
		declaration_free(&d);
	}
}

static void a_table_of_an_operator(void **state)
{
	(void)state;
	const struct collection c = {.name = "orders",
	    .key = KEY_INTEGER,
	    .key_name = "id",
	    .table = {.schema = "my shop",
		.name = "the \"orders\"",
		.foreign = true,
		.key = "OrderID",
		.version = "version"}};
	struct buf b = {0};
	sql_table_body(&b, &c);
	assert_string_equal(b.data, "(\n  \"OrderID\" bigint PRIMARY KEY,\n"
				    "  \"version\" bigint NOT NULL\n"
				    ") WITH (fillfactor = 80)");
	buf_clear(&b);
	sql_table_reserve(&b, &c);
	assert_string_equal(b.data,
	    "SELECT r.first, r.n, r.free_to FROM sluice.reserve("
	    "coalesce(pg_get_serial_sequence("
	    "'\"my shop\".\"the \"\"orders\"\"\"', 'OrderID'), "
	    "'sluice.\"orders_id_seq\"')::regclass, "
	    "'\"my shop\".\"the \"\"orders\"\"\"'::regclass, "
	    "'OrderID'::name, $1::int4, $2::int8) r");
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(records),
	    cmocka_unit_test(products),
	    cmocka_unit_test(samples),
	    cmocka_unit_test(indexes),
	    cmocka_unit_test(expiring),
	    cmocka_unit_test(names),
	    cmocka_unit_test(a_table_of_an_operator),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
