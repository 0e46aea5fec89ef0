/* What a field takes, beyond the JSON Schema Test Suite
 * (tests/integration/schema/test_schema_suite.py): exact numbers, the words of
 * every fault, what the column alone demands, patterns that run away. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/json/jsondup.h"
#include "common/json/jsonstring.h"
#include "common/schema/declare.h"

#include <stdlib.h>
#include <string.h>

static struct declaration *declared_as(const char *field)
{
	struct declare_fault fault;
	struct buf b = {0};
	buf_printf(&b,
	    "{\"name\":\"c\",\"key\":{\"type\":\"string\"},"
	    "\"fields\":{\"f\":%s},\"required\":[\"f\"]}",
	    field);
	struct declaration *d = declare(b.data, b.len, "c", &fault);
	if (d == NULL)
		fail_msg("%s: %s", field, fault.reason);
	buf_free(&b);
	return d;
}

static struct jsonslice raw(const char *s)
{
	struct jsonslice v;
	assert_true(jsonslice_scan(s, strlen(s), &v));
	return v;
}

#define NOT_A_TIME                                                             \
	"must have the format date-time (RFC 3339; years 1 to 9999 in UTC, "   \
	"offsets below 16:00, at most 60 fraction digits, none for a leap "    \
	"second)"
#define TIME "{\"type\":\"string\",\"format\":\"date-time\"}"
#define INT_(bits) "{\"type\":\"integer\",\"format\":\"int" bits "\"}"
#define AS_TEXT(type, more)                                                    \
	"{\"type\":\"" type "\",\"json\":\"string\"" more "}"
#define NO_INTEGER "must be a 64-bit integer, as a string or a number"
#define ITEMS(of) "{\"type\":\"array\",\"items\":{" of "}}"
#define TENS "0000000000"

/* The field, a value, and every fault in words; "": none. */
static const struct {
	const char *field, *value, *says;
} table[] = {
    {"{\"type\":\"string\"}", "null", "is required and must not be null"},
    {"{\"type\":\"string\"}", "1", "must be a string"},
    {"{\"type\":\"string\",\"nullable\":true,\"minLength\":1}", "null", ""},
    {"{\"type\":\"string\",\"maxLength\":2}", "\"\\ud83d\\ude00\xc3\xa9\"", ""},
    {"{\"type\":\"string\",\"maxLength\":2}", "\"abc\"",
	"has 3 characters; at most 2"},
    {"{\"type\":\"string\",\"minLength\":2,\"pattern\":\"^b\"}", "\"\\u0061\"",
	"has 1 characters; at least 2\nmust match \"^b\""},
    {"{\"type\":\"string\",\"enum\":[\"a\",\"\\u00e9\"]}", "\"\xc3\xa9\"", ""},
    {"{\"type\":\"string\",\"enum\":[\"a\"]}", "\"A\"", "must be one of \"a\""},
    {"{\"type\":\"string\",\"format\":\"date-time\"}",
	"\"2026-02-29T00:00:00Z\"", NOT_A_TIME},
    {TIME, "\"0001-01-01T00:00:00+01:00\"", NOT_A_TIME},
    {TIME, "\"0001-01-01T15:59:00+15:59\"", ""},
    {TIME, "\"2026-01-01T00:00:00-15:59\"", ""},
    {TIME, "\"2026-01-01T00:00:00+16:00\"", NOT_A_TIME},
    {TIME, "\"9999-12-31T23:59:59.9999994Z\"", ""},
    {TIME, "\"9999-12-31T23:59:59.9999995Z\"", NOT_A_TIME},
    {TIME, "\"9999-12-31T23:59:59.9999999Z\"", NOT_A_TIME},
    {TIME, "\"9999-12-31T23:59:60Z\"", NOT_A_TIME},
    {TIME, "\"1998-12-31T23:59:60.0Z\"", ""},
    {TIME, "\"1998-12-31T23:59:60.1Z\"", NOT_A_TIME},
    {TIME, "\"2026-01-01T00:00:00." TENS TENS TENS TENS TENS TENS "Z\"", ""},
    {TIME, "\"2026-01-01T00:00:00." TENS TENS TENS TENS TENS TENS "0Z\"",
	NOT_A_TIME},
    {"{\"type\":\"string\",\"format\":\"uuid\"}",
	"\"2EB8AA08-AA98-11EA-B4AA-73B441D16380\"", ""},
    {INT_("32"), "2147483647", ""},
    {INT_("32"), "-2.147483648e9", ""},
    {INT_("32"), "2147483648", "must be a 32-bit integer"},
    {INT_("32"), "-2147483649", "must be a 32-bit integer"},
    {INT_("16"), "32767", ""},
    {INT_("16"), "-32768", ""},
    {INT_("16"), "32768", "must be a 16-bit integer"},
    {INT_("16"), "-32769", "must be a 16-bit integer"},
    {INT_("64"), "-9223372036854775808", ""},
    {INT_("64"), "9223372036854775808", "must be a 64-bit integer"},
    {"{\"type\":\"string\",\"format\":\"date\"}", "\"2026-01-3\\u0031\"", ""},
    {"{\"type\":\"string\",\"format\":\"date\"}", "\"2026-01-32\"",
	"must have the format date (RFC 3339, full-date; years 1 to 9999)"},
    {"{\"type\":\"string\",\"format\":\"byte\"}", "\"AP\\/+\"", ""},
    {"{\"type\":\"string\",\"format\":\"byte\"}", "\"AP\"",
	"must have the format byte (base64 of RFC 4648, with padding)"},
    {AS_TEXT("integer", ""), "\"9223372036854775807\"", ""},
    {AS_TEXT("integer", ""), "\"-7.0e0\"", ""},
    {AS_TEXT("integer", ""), "7", ""},
    {AS_TEXT("integer", ""), "\"\"", NO_INTEGER},
    {AS_TEXT("integer", ""), "\"007\"", NO_INTEGER},
    {AS_TEXT("integer", ""), "\"7 \"", NO_INTEGER},
    {AS_TEXT("integer", ""), "\"\\u0037\"", NO_INTEGER},
    {AS_TEXT("integer", ""), "\"7,8\"", NO_INTEGER},
    {AS_TEXT("integer", ""), "\"9223372036854775808\"", NO_INTEGER},
    {AS_TEXT("integer", ""), "true", NO_INTEGER},
    {AS_TEXT("integer", ",\"minimum\":5"), "\"4\"", "must be at least 5"},
    {AS_TEXT("integer", ",\"enum\":[5,6]"), "\"6\"", ""},
    {AS_TEXT("integer", ",\"enum\":[5,6]"), "\"7\"", "must be one of 5, 6"},
    {AS_TEXT("number", ""), "\"0.10\"", ""},
    {AS_TEXT("number", ""), "\"NaN\"",
	"must be a number, as a string or a number"},
    {AS_TEXT("number", ",\"maxDigits\":2"), "\"100\"",
	"has a number with more than 2 digits before or after the decimal "
	"point"},
    {"{\"type\":\"boolean\"}", "0", "must be true or false"},
    {"{\"type\":\"object\"}", "[]", "must be an object"},
    {"{\"type\":\"array\"}", "{}", "must be an array"},
    {"{\"type\":\"array\"}", "[{\"a\":[1e1000]}]",
	"has a number with more than 1000 digits before or after the decimal "
	"point"},
    {"{\"type\":\"array\",\"maxDigits\":2}", "[0.01,{\"a\":99}]", ""},
    {"{\"type\":\"array\",\"maxDigits\":2}", "[0.01,{\"a\":100}]",
	"has a number with more than 2 digits before or after the decimal "
	"point"},
    {"{\"type\":\"integer\"}", "9223372036854775807", ""},
    {"{\"type\":\"integer\"}", "-9223372036854775808", ""},
    {"{\"type\":\"integer\"}", "9223372036854775808",
	"must be a 64-bit integer"},
    {"{\"type\":\"integer\"}", "-9223372036854775809",
	"must be a 64-bit integer"},
    {"{\"type\":\"integer\"}", "922337203685477580.7e1", ""},
    {"{\"type\":\"integer\"}", "1.5", "must be a 64-bit integer"},
    {"{\"type\":\"integer\",\"maximum\":9007199254740992}", "9007199254740993",
	"must be at most 9007199254740992"},
    {"{\"type\":\"number\",\"minimum\":0.1}", "0.09999999999999999999999999999",
	"must be at least 0.1"},
    {"{\"type\":\"number\",\"minimum\":0.1}", "1000e-4", ""},
    {"{\"type\":\"number\",\"exclusiveMinimum\":0}", "1e-1000", ""},
    {"{\"type\":\"number\",\"exclusiveMinimum\":0}", "-0.0",
	"must be greater than 0"},
    {"{\"type\":\"number\"}", "1e1000",
	"has a number with more than 1000 digits before or after the decimal "
	"point"},
    {"{\"type\":\"number\",\"maxDigits\":16383}", "1e16382", ""},
    {"{\"type\":\"number\",\"maxDigits\":16383}", "1e16383",
	"has a number with more than 16383 digits before or after the decimal "
	"point"},
    {"{\"type\":\"number\",\"enum\":[1.50]}", "15e-1", ""},
    {"{\"type\":\"string\",\"format\":\"inet\"}", "\"::1\"", ""},
    {"{\"type\":\"string\",\"format\":\"cidr\"}", "\"10.0.0.1/8\"",
	"must have the format cidr"},
    {ITEMS("\"type\":\"integer\",\"format\":\"int32\""), "[1,7.0,-2]", ""},
    {ITEMS("\"type\":\"integer\",\"format\":\"int32\""), "[]", ""},
    {ITEMS("\"type\":\"integer\",\"format\":\"int32\""), "{}",
	"must be an array"},
    {ITEMS("\"type\":\"integer\",\"format\":\"int32\""), "[1,2147483648]",
	"element 1 must be a 32-bit integer"},
    {ITEMS("\"type\":\"integer\""), "[null]", "element 0 must not be null"},
    {ITEMS("\"type\":\"integer\",\"nullable\":true"), "[null]", ""},
    {ITEMS("\"type\":\"string\",\"maxLength\":1"), "[\"a\",\"bc\"]",
	"element 1 has 2 characters; at most 1"},
    {ITEMS("\"type\":\"string\",\"enum\":[\"a\"]"), "[[\"a\"]]",
	"element 0 must be a string"},
};

static void values(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct declaration *d = declared_as(table[i].field);
		const struct field *f = declaration_collection(d)->fields;
		struct jsonslice v = raw(table[i].value);
		struct buf said = {0};
		buf_str(&said, "");
		for (unsigned left = field_faults(f, v); left;
		     left &= left - 1) {
			buf_str(&said, said.len ? "\n" : "");
			field_explain(
			    &said, f, v, (enum field_fault)(left & -left));
		}
		assert_string_equal(said.data, table[i].says);
		buf_free(&said);
		declaration_free(&d);
	}
}

/* A constraint may be changed by hand; the type of a column may not. */
/* As PostgreSQL rounds: to the nearest microsecond, to the even one of two. */
static void times_are_rounded(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t us;
	} cases[] = {
	    {"1970-01-01T00:00:00Z", 0},
	    {"1970-01-01T00:00:00.000001Z", 1},
	    {"1970-01-01T00:00:00.0000014Z", 1},
	    {"1970-01-01T00:00:00.0000016Z", 2},
	    {"1970-01-01T00:00:00.9999996Z", 1000000},
	    {"1969-12-31T23:59:59.9999996Z", 0},
	    {"1970-01-01T01:00:00.5+01:00", 500000},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		int64_t us;
		assert_true(format_date_time(
		    cases[i].text, strlen(cases[i].text), &us));
		assert_int_equal(us, cases[i].us);
	}
}

static void columns(void **state)
{
	(void)state;
	struct declaration *d = declared_as(
	    "{\"type\":\"string\",\"maxLength\":1,\"pattern\":\"^a\"}");
	const struct field *f = declaration_collection(d)->fields;
	assert_int_equal(field_column_faults(f, raw("\"bcd\"")), 0);
	assert_int_equal(field_column_faults(f, raw("7")), FAULT_TYPE);
	assert_int_equal(field_column_faults(f, raw("null")), FAULT_NULL);
	declaration_free(&d);
	d = declared_as("{\"type\":\"string\",\"format\":\"uuid\"}");
	f = declaration_collection(d)->fields;
	assert_int_equal(field_column_faults(f, raw("\"x\"")), FAULT_FORMAT);
	declaration_free(&d);
	d = declared_as("{\"type\":\"string\",\"format\":\"email\"}");
	f = declaration_collection(d)->fields;
	assert_int_equal(field_column_faults(f, raw("\"x\"")), 0);
	declaration_free(&d);
}

static void runaway(void **state)
{
	(void)state;
	struct declaration *d =
	    declared_as("{\"type\":\"string\",\"pattern\":\"^(a+)+$\"}");
	const struct field *f = declaration_collection(d)->fields;
	char value[64] = "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab\"";
	assert_int_equal(field_faults(f, raw(value)), FAULT_COMPLEX);
	assert_int_equal(field_faults(f, raw("\"aaaa\"")), 0);
	/* A large subject that needs nothing special is no runaway. */
	size_t len = 1 << 16;
	char *large = malloc(len + 3);
	memset(large, 'a', len + 2);
	large[0] = large[len + 1] = '"';
	large[len + 2] = '\0';
	declaration_free(&d);
	d = declared_as("{\"type\":\"string\",\"maxLength\":65536,"
			"\"pattern\":\"^[a-z]+$\"}");
	f = declaration_collection(d)->fields;
	assert_int_equal(field_faults(f, raw(large)), 0);
	large[len] = 'A';
	assert_int_equal(field_faults(f, raw(large)), FAULT_PATTERN);
	free(large);
	declaration_free(&d);
}

/* Without a maxLength, a field with a pattern has one all the same. */
static void long_subjects(void **state)
{
	(void)state;
	struct declaration *d =
	    declared_as("{\"type\":\"string\",\"pattern\":\"^a*$\"}");
	const struct field *f = declaration_collection(d)->fields;
	enum { MOST = FIELD_PATTERN_LENGTH };
	static char value[MOST + 4];
	struct buf said = {0};
	memset(value, 'a', MOST + 2);
	value[0] = value[MOST + 1] = '"';
	assert_int_equal(field_faults(f, raw(value)), 0);
	value[MOST + 1] = 'a';
	value[MOST + 2] = '"';
	assert_int_equal(field_faults(f, raw(value)), FAULT_MAX_LENGTH);
	field_explain(&said, f, raw(value), FAULT_MAX_LENGTH);
	assert_string_equal(said.data, "has 4097 characters; at most 4096");
	buf_free(&said);
	declaration_free(&d);
}

static void choices_are_told(void **state)
{
	(void)state;
	struct declaration *d = declared_as(
	    "{\"type\":\"string\",\"enum\":[ \"a\",\n\t\"b, c\" ]}");
	struct buf said = {0};
	field_explain(&said, declaration_collection(d)->fields, raw("\"x\""),
	    FAULT_CHOICES);
	assert_string_equal(said.data, "must be one of \"a\", \"b, c\"");
	buf_free(&said);
	declaration_free(&d);
}

static void foreign_patterns(void **state)
{
	(void)state;
	static const char *const foreign[] = {"(?i)a", "(?P<a>b)", "(?>a)",
	    "a++", "a?+", "a*+", "a{2}+", "(*ACCEPT)", "(?R)", "\\Aa", "a\\z",
	    "\\Qa\\E", "\\h", "[\\R]", "(?#x)", "(?|a|b)"};
	static const char *const good[] = {"(?:a)", "(?=a)", "(?!a)", "(?<=a)",
	    "(?<!a)", "(?<name>a)\\k<name>", "a+?", "a??", "[a+]+", "[(?>]",
	    "\\p{Letter}+", "\\u{1F600}+", "[^\\s.]+", "\\+\\+", "[]", ""};
	char fault[PATTERN_FAULT_LEN];
	for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
		if (pattern_new(foreign[i], strlen(foreign[i]), fault))
			fail_msg("%s", foreign[i]);
		assert_non_null(strstr(fault, "that ECMA-262 does not have"));
	}
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		struct pattern *p =
		    pattern_new(good[i], strlen(good[i]), fault);
		if (p == NULL)
			fail_msg("%s: %s", good[i], fault);
		pattern_free(&p);
	}
}

static void twice(void **state)
{
	(void)state;
	static const struct {
		const char *value, *name;
	} cases[] = {
	    {"{\"a\":1,\"b\":{\"a\":1},\"c\":[{\"a\":1},{\"a\":1}]}", NULL},
	    {"{\"a\":1,\"\\u0061\":2}", "\"\\u0061\""},
	    {"[[{\"a\":{\"x\":1,\"x\":2}}]]", "\"x\""},
	    {"{\"1\":0,\"2\":0,\"3\":0,\"4\":0,\"5\":0,\"6\":0,\"7\":0,"
	     "\"8\":0,\"9\":0,\"10\":0}",
		NULL},
	    {"{\"1\":0,\"2\":0,\"3\":0,\"4\":0,\"5\":0,\"6\":0,\"7\":0,"
	     "\"8\":0,\"9\":0,\"\\u0039\":0}",
		"\"\\u0039\""},
	    {"{\"\":0,\"a\":0,\"\":1}", "\"\""},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct jsonslice found = jsondup_find(raw(cases[i].value));
		assert_int_equal(found.s != NULL, cases[i].name != NULL);
		if (found.s)
			assert_memory_equal(
			    found.s, cases[i].name, strlen(cases[i].name));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(values),
	    cmocka_unit_test(times_are_rounded),
	    cmocka_unit_test(columns),
	    cmocka_unit_test(runaway),
	    cmocka_unit_test(long_subjects),
	    cmocka_unit_test(choices_are_told),
	    cmocka_unit_test(foreign_patterns),
	    cmocka_unit_test(twice),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
