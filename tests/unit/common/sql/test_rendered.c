/* How long a row will be: never less than it is, and hardly more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/sql/rendered.h"

#include "tests/unit/declared.h"

#include <string.h>

static struct jsonslice raw(const char *text)
{
	return (struct jsonslice){text, strlen(text)};
}

/* The second text is Postgres's: SELECT '…'::jsonb::text. */
static void json(void **state)
{
	(void)state;
	static const struct {
		const char *from, *to;
	} table[] = {
	    {"1", "1"},
	    {"-0", "0"},
	    {"1e3", "1000"},
	    {"1E+3", "1000"},
	    {"12.50e1", "125.0"},
	    {"1e-3", "0.001"},
	    {"-12.5e-3", "-0.0125"},
	    {"0.000", "0.000"},
	    {"100e-2", "1.00"},
	    {"0.0015e2", "0.15"},
	    {"0.00e1", "0.0"},
	    {"0e5", "0"},
	    {"-0.0e-2", "0.000"},
	    {"true", "true"},
	    {"\"\\u00e9\\/\\u0001\\u001F\\u0009\\ud83d\\ude00\"",
		"\"\u00e9/\\u0001\\u001f\\t\U0001f600\""},
	    {"null", "null"},
	    {"\"a\\\"b,:1e9\\\\\"", "\"a\\\"b,:1e9\\\\\""},
	    {"\"\\u0041\\n\"", "\"A\\n\""},
	    {"[1,2,[]]", "[1, 2, []]"},
	    {"{\"a\":{\"b\":[1e5,\"x\"]}}",
		"{\"a\": {\"b\": [100000, \"x\"]}}"},
	    {"{ \"a\" : 1 }", "{\"a\": 1}"},
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		size_t is = rendered_json(raw(table[i].from));
		size_t least = strlen(table[i].to);
		if (is < least || is > least + strlen(table[i].from) + 4)
			fail_msg("%s: %zu, not %zu", table[i].from, is, least);
		/* The same for what a client sends and what a row has. */
		assert_int_equal(is, rendered_json(raw(table[i].to)));
	}
}

static void exponents(void **state)
{
	(void)state;
	assert_in_range(rendered_json(raw("1e131071")), 131072, 131080);
	assert_in_range(rendered_json(raw("1e-16383")), 16385, 16390);
	/* No column takes it: any number will do, but not a small one. */
	assert_true(rendered_json(raw("1e99999999999999999999")) >= 1000000);
	assert_true(rendered_json(raw("1e-99999999999999999999")) >= 1000000);
	assert_in_range(
	    rendered_json(raw("[1e1000,1e1000,1e1000]")), 3003, 3020);
}

static void documents(void **state)
{
	(void)state;
	const struct collection *c = collection_find("samples", 7);
	static const char least[] =
	    "{\"sample_id\":\"018f2b2e-0000-7000-8000-000000000000\","
	    "\"text\":\"x\",\"code\":null,\"mood\":\"it's\",\"mail\":null,"
	    "\"link\":null,\"at\":null,\"other\":null,\"whole\":null,"
	    "\"large\":null,\"part\":1.50,\"step\":null,\"flag\":false,"
	    "\"tree\":{},\"list\":null,"
	    "\"created_at\":\"2026-01-01T00:00:00.000001+00:00\","
	    "\"updated_at\":\"2026-01-01T00:00:00.000001+00:00\"}";
	size_t is = rendered_document(c, 36, raw("{\"text\":\"x\"}"));
	assert_in_range(is, sizeof least - 1, sizeof least + 1000);
	/* The last member of a name counts; what is no field does not. */
	assert_true(is == rendered_document(c, 36,
			      raw("{\"text\":\"much longer\",\"no\":[1e9],"
				  "\"text\":\"x\"}")));
	size_t more = rendered_document(
	    c, 36, raw("{\"text\":\"x\",\"tree\":{\"n\":1e131071}}"));
	assert_in_range(more - is, 131072, 131100);
}

/* What only the database renders has a size of its own. */
static void by_the_column(void **state)
{
	(void)state;
	static const struct field of = {.column = COLUMN_DATE};
	static const struct field fields[] = {
	    {.name = "d", .column = COLUMN_ARRAY, .items = &of},
	    {.name = "i", .column = COLUMN_INET},
	    {.name = "r", .column = COLUMN_TEXT, .read_only = true}};
	const struct collection c = {
	    .key_name = "k", .fields = fields, .nfields = 3};
	size_t is = rendered_document(&c, 1, raw("{\"d\":[1,2]}"));
	assert_int_equal(
	    is, rendered_document(&c, 1,
		    raw("{\"d\":[\"longer\",null],\"r\":\"any text\"}")));
	assert_int_equal(is - rendered_document(&c, 1, raw("{\"d\":[1]}")), 42);
	assert_int_equal(rendered_document(&c, 1, raw("{\"i\":\"::1\"}")),
	    rendered_document(&c, 1, raw("{\"i\":\"::0001\"}")));
}

/* The writer computes the same size of both forms. */
static void numbers_as_strings(void **state)
{
	(void)state;
	static const struct field fields[] = {{.name = "n",
	    .type = FIELD_NUMBER,
	    .column = COLUMN_NUMERIC,
	    .json_string = true}};
	const struct collection c = {
	    .key_name = "k", .fields = fields, .nfields = 1};
	assert_int_equal(rendered_document(&c, 1, raw("{\"n\":1e900}")),
	    rendered_document(&c, 1, raw("{\"n\":\"1e900\"}")));
	assert_true(rendered_document(&c, 1, raw("{\"n\":\"1e900\"}")) > 900);
}

int main(void)
{
	declared("samples");
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(json),
	    cmocka_unit_test(exponents),
	    cmocka_unit_test(documents),
	    cmocka_unit_test(by_the_column),
	    cmocka_unit_test(numbers_as_strings),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
