/* Values in the query of a list: one table for each type, and the forms of
 * lists and patterns. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/list/list_value.h"

#include <string.h>

static bool fits(enum column_type type, const char *s)
{
	const struct list_column c = {.name = "c", .column = type};
	return list_value_fault(&c, s, strlen(s)) == NULL;
}

static void choices(void **state)
{
	(void)state;
	static const char list[] = "[\"a\",\"\\u00e9\"]";
	const struct field f = {.choices = {list, sizeof list - 1}};
	const struct list_column c = {
	    .name = "c", .column = COLUMN_ENUM, .field = &f};
	assert_null(list_value_fault(&c, "a", 1));
	assert_null(list_value_fault(&c, "\xc3\xa9", 2));
	assert_non_null(list_value_fault(&c, "b", 1));
	assert_non_null(list_value_fault(&c, "", 0));
}

static void types(void **state)
{
	(void)state;
	static const struct {
		enum column_type type;
		const char *good[8], *bad[12];
	} table[] = {
	    {COLUMN_TEXT, {"", " ", "\xf0\x9f\x98\x80", "'"},
		{"\xff", "\xed\xa0\x80", "a\xc0\x80"}},
	    {COLUMN_BIGINT,
		{"0", "-0", "007", "9223372036854775807",
		    "-9223372036854775808"},
		{"", "-", "+1", "1.0", "1e1", " 1", "1 ", "0x1",
		    "9223372036854775808", "-9223372036854775809",
		    "00000000000000000001"}},
	    {COLUMN_NUMERIC,
		{"0", "-0.50", "1e3", "1E-3",
		    "99999999999999999999999999999999.5"},
		{"", ".5", "5.", "+1", "01", " 1", "1 ", "NaN", "Infinity",
		    "1e999999", "\"1\""}},
	    {COLUMN_INET, {"10.1.2.3", "::1/64"}, {"", "10", "x"}},
	    {COLUMN_CIDR, {"10.0.0.0/8"}, {"10.0.0.1/8", ""}},
	    {COLUMN_BOOLEAN, {"true", "false"}, {"", "TRUE", "t", "1", "null"}},
	    {COLUMN_TIMESTAMPTZ,
		{"2026-02-28T23:59:59Z", "2026-01-01T00:00:00.123456+01:30"},
		{"", "2026-02-30T00:00:00Z", "2026-01-01",
		    "2026-01-01T00:00:00", "2026-01-01T00:00:00 01:00", "now",
		    "infinity"}},
	    {COLUMN_SMALLINT, {"7", "40000"}, {"", "7.0"}},
	    {COLUMN_INTEGER, {"-7", "3000000000"}, {"", "x"}},
	    {COLUMN_TIMESTAMP, {"2026-02-28T23:59:59.5"},
		{"", "2026-02-28T23:59:59Z", "2026-02-28", "now"}},
	    {COLUMN_DATE, {"2026-02-28"},
		{"", "2026-02-29", "2026-02-28T00:00:00", "today"}},
	    {COLUMN_TIME, {"23:59:59.5"}, {"", "24:00:00", "12:00:00Z"}},
	    {COLUMN_BYTEA, {NULL}, {"", "AA=="}},
	    {COLUMN_UUID, {"2eb8aa08-aa98-11ea-b4aa-73b441d16380"},
		{"", "2eb8aa08aa9811eab4aa73b441d16380", "x"}},
	    {COLUMN_JSONB, {NULL}, {"{}", "1"}},
	};
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		for (size_t j = 0; j < 8 && table[i].good[j]; j++) {
			if (!fits(table[i].type, table[i].good[j]))
				fail_msg("refused: %s", table[i].good[j]);
		}
		for (size_t j = 0; j < 12 && table[i].bad[j]; j++) {
			if (fits(table[i].type, table[i].bad[j]))
				fail_msg("%zu: taken: %s", i, table[i].bad[j]);
		}
	}
}

/* The values with | between them; NULL: not so made. */
static void is_list(const char *text, const char *want)
{
	const char *at = text, *end = text + strlen(text);
	struct buf all = {0};
	bool more = true, ok = true;
	while (ok && more) {
		struct buf b = {0};
		ok = list_value_next(&at, end, &b, &more);
		buf_add(&all, b.data, b.len);
		buf_char(&all, '|');
		buf_free(&b);
	}
	if (ok != (want != NULL))
		fail_msg("%s", text);
	if (want)
		assert_string_equal(all.data, want);
	buf_free(&all);
}

static void lists(void **state)
{
	(void)state;
	is_list("", "|");
	is_list("a", "a|");
	is_list("a,b", "a|b|");
	is_list("a,", "a||");
	is_list(",", "||");
	is_list("a b,(c)", "a b|(c)|");
	is_list("\"\"", "|");
	is_list("\"a,b\",c", "a,b|c|");
	is_list("\"a\\\"b\\\\\"", "a\"b\\|");
	is_list("a\\b", "a\\b|");
	is_list("\"a", NULL);
	is_list("\"a\\", NULL);
	is_list("\"a\"b", NULL);
	is_list("a\"b\"", NULL);
}

static void quoting(void **state)
{
	(void)state;
	struct buf b = {0};
	list_value_quote(&b, "a\"b\\,", 5);
	assert_string_equal(b.data, "\"a\\\"b\\\\,\"");
	is_list(b.data, "a\"b\\,|");
	buf_free(&b);
}

static void is_pattern(const char *text, const char *want)
{
	struct buf b = {0};
	bool ok = list_value_pattern(&b, text, strlen(text));
	assert_int_equal(ok, want != NULL);
	if (want)
		assert_string_equal(b.data, want);
	buf_free(&b);
}

static void patterns(void **state)
{
	(void)state;
	is_pattern("", "");
	is_pattern("*a%_*", "%a%_%");
	is_pattern("\\*\\%\\\\", "\\*\\%\\\\");
	is_pattern("a\\", NULL);
	is_pattern("\\\\\\", NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(types),
	    cmocka_unit_test(choices),
	    cmocka_unit_test(lists),
	    cmocka_unit_test(quoting),
	    cmocka_unit_test(patterns),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
