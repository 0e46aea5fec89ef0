/* `format`, where the JSON Schema Test Suite says nothing (it is run by
 * tests/integration/schema/test_schema_suite.py): limits, exact values, and
 * bytes that are no text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/schema/format.h"

#include <stdlib.h>
#include <string.h>

/* In memory of exactly its size. */
static void matches(enum format f, const char *s, size_t len, bool want)
{
	char *copy = malloc(len ? len : 1);
	assert_non_null(copy);
	memcpy(copy, s, len);
	bool have = format_matches(f, copy, len);
	free(copy);
	if (have != want)
		fail_msg("%s \"%s\": %s", format_name(f), s,
		    want ? "refused" : "taken");
}

static void takes(enum format f, const char *s)
{
	matches(f, s, strlen(s), true);
}

static void refuses(enum format f, const char *s)
{
	matches(f, s, strlen(s), false);
}

static void names(void **state)
{
	(void)state;
	for (int f = FORMAT_NONE + 1; f < FORMATS; f++) {
		enum format got = FORMAT_NONE;
		const char *name = format_name((enum format)f);
		bool number = f >= FORMAT_INT64;
		const char *of = number ? "integer" : "string";
		assert_true(format_parse(of, name, strlen(name), &got));
		assert_int_equal(got, f);
		assert_false(format_parse(of, name, strlen(name) - 1, &got));
		of = number ? "string" : "integer";
		assert_false(format_parse(of, name, strlen(name), &got));
		assert_int_equal(format_limits((enum format)f)[0] != '\0',
		    f < FORMAT_UUID || f == FORMAT_BYTE);
	}
	enum format untouched = FORMAT_URI;
	assert_string_equal(format_name(FORMAT_NONE), "");
	assert_false(format_parse("string", "", 0, &untouched));
	assert_false(format_parse("string", "ipv4", 4, &untouched));
	assert_false(format_parse("string", "UUID", 4, &untouched));
	assert_false(format_parse("boolean", "uuid", 4, &untouched));
	struct buf list = {0};
	format_names(&list, "integer");
	assert_string_equal(list.data, " \"int64\" \"int32\" \"int16\"");
	buf_free(&list);
	refuses(FORMAT_INT32, "1");
	assert_int_equal(untouched, FORMAT_URI);
	takes(FORMAT_NONE, "anything");
}

static void is_time(const char *s, int64_t want)
{
	int64_t us = 0;
	if (!format_date_time(s, strlen(s), &us))
		fail_msg("%s: refused", s);
	assert_true(us == want);
}

static void is_written(int64_t us, const char *want)
{
	struct buf b = {0};
	format_add_date_time(&b, us);
	assert_string_equal(b.data, want);
	is_time(b.data, us);
	buf_free(&b);
}

static void times_in_microseconds(void **state)
{
	(void)state;
	is_written(0, "1970-01-01T00:00:00.000000Z");
	is_written(-1, "1969-12-31T23:59:59.999999Z");
	is_written(-62135596800000000, "0001-01-01T00:00:00.000000Z");
	is_written(253402300799999999, "9999-12-31T23:59:59.999999Z");
	is_time("2000-01-01T00:00:00Z", 946684800000000);
	is_time("2000-01-01t00:00:00z", 946684800000000);
	is_time("2000-02-29T23:59:59.25-00:30", 951870599250000);
	is_time("0001-01-01T00:00:00Z", -62135596800000000);
	is_time("9999-12-31T23:59:59.999999Z", 253402300799999999);
	/* To the even one of two. */
	is_time("1970-01-01T00:00:00.0000005Z", 0);
	is_time("1970-01-01T00:00:00.0000015Z", 2);
	is_time("1970-01-01T00:00:00.0000025Z", 2);
	/* A leap second is the next day's first. */
	is_time("1998-12-31T23:59:60Z", 915148800000000);
	is_time("1998-12-31T15:59:60.000-08:00", 915148800000000);
}

static void times_at_their_limits(void **state)
{
	(void)state;
	static const char *const taken[] = {"2024-02-29T00:00:00Z",
	    "2000-02-29T00:00:00Z", "2023-04-30T23:59:59+15:59",
	    "2023-01-31T00:00:00-15:59", "0001-01-01T15:59:00+15:59"};
	static const char *const refused[] = {"", "2023-01-01",
	    "2023-02-29T00:00:00Z", "1900-02-29T00:00:00Z",
	    "2023-04-31T00:00:00Z", "2023-00-01T00:00:00Z",
	    "2023-13-01T00:00:00Z", "2023-01-00T00:00:00Z",
	    "2023-01-01T24:00:00Z", "2023-01-01T00:60:00Z",
	    "2023-01-01T00:00:61Z", "2023-01-01T00:00:00",
	    "2023-01-01 00:00:00Z", "2023-01-01T00:00:00.Z",
	    "2023-01-01T00:00:00+16:00", "2023-01-01T00:00:00+01:60",
	    "2023-01-01T00:00:00+0100", "2023-01-01T00:00:00Z ",
	    " 2023-01-01T00:00:00Z", "23-01-01T00:00:00Z",
	    "0000-12-31T23:59:59Z", "0001-01-01T00:00:00+00:01",
	    "9999-12-31T23:59:00-00:01", "9999-12-31T23:59:59.9999999Z",
	    "1998-12-31T23:59:60.5Z", "1998-12-31T23:58:60Z",
	    "1998-12-31T23:59:60+01:00"};
	for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
		takes(FORMAT_DATE_TIME, taken[i]);
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
		refuses(FORMAT_DATE_TIME, refused[i]);
}

static void digits_of_a_fraction(void **state)
{
	(void)state;
	char text[128] = "1970-01-01T00:00:00.";
	size_t begin = strlen(text);
	for (size_t n = 1; n <= 61; n++) {
		memset(text + begin, '1', n);
		memcpy(text + begin + n, "Z", 2);
		matches(FORMAT_DATE_TIME, text, begin + n + 1, n <= 60);
	}
}

/* Each is taken by one of the formats only. */
static void without_a_zone(void **state)
{
	(void)state;
	static const enum format formats[] = {
	    FORMAT_DATE, FORMAT_TIME_LOCAL, FORMAT_DATE_TIME_LOCAL};
	static const char *const taken[3][6] = {
	    {"2024-02-29", "0001-01-01", "9999-12-31", "2000-02-29"},
	    {"00:00:00", "23:59:59", "12:00:00.1", "12:00:00.123456"},
	    {"2024-02-29T00:00:00", "2024-02-29t23:59:59.999999",
		"0001-01-01T00:00:00", "9999-12-31T23:59:59.999999"}};
	static const char *const refused[] = {"", "2023-02-29", "1900-02-29",
	    "0000-01-01", "10000-01-01", "2024-2-29", "2024-02-29Z",
	    "2024-02-29 ", "20240229", "2024-00-01", "2024-01-32", "24:00:00",
	    "23:59:60", "23:60:00", "12:00", "12:00:00.", "12:00:00.1234567",
	    "12:00:00Z", "12:00:00+00:00", "1:00:00", " 12:00:00",
	    "2024-02-29T", "2024-02-29 12:00:00", "2024-02-29T12:00:00Z",
	    "2024-02-29T12:00:00+01:00", "2024-02-29T24:00:00",
	    "2024-02-29T12:00:00.0000001", "2023-02-29T12:00:00", "now",
	    "infinity", "2024-02-29 BC"};
	for (size_t i = 0; i < 3; i++) {
		for (size_t k = 0; k < 3; k++) {
			for (size_t n = 0; n < 6 && taken[k][n]; n++)
				matches(formats[i], taken[k][n],
				    strlen(taken[k][n]), i == k);
		}
		for (size_t n = 0; n < sizeof refused / sizeof *refused; n++)
			refuses(formats[i], refused[n]);
		matches(formats[i], "12:00:00\0", 9, false);
	}
}

static void bytes(void **state)
{
	(void)state;
	takes(FORMAT_BYTE, "");
	takes(FORMAT_BYTE, "AP/+AQ==");
	refuses(FORMAT_BYTE, "AP_-AQ==");
	refuses(FORMAT_BYTE, "AP/+AQ");
}

static void networks(void **state)
{
	(void)state;
	static const char *const both[] = {"0.0.0.0/0", "192.0.2.1",
	    "192.0.2.1/32", "192.0.2.128/25", "::", "2001:db8::/32",
	    "::ffff:192.0.2.1", "ffff::1/128"};
	static const char *const hosts[] = {
	    "192.0.2.1/24", "192.0.2.129/25", "2001:db8::1/64", "::1/0"};
	static const char *const none[] = {"", "/", "/8", "1", "10.1", "1.2.3",
	    "1.2.3.256", "1.2.3.4/", "1.2.3.4/33", "1.2.3.4/024", "1.2.3.4/+8",
	    "1.2.3.4/-1", "1.2.3.4/8/8", "1.2.3.4/0000", " 1.2.3.4", "01.2.3.4",
	    "1.2.3.4 ", ":", "::/129", "1::2::3", "fe80::1%eth0", "::g", "a",
	    "1111:2222:3333:4444:5555:6666:7777:8888:9999:1111:2222:3333:4444"};
	for (size_t i = 0; i < sizeof both / sizeof *both; i++) {
		takes(FORMAT_INET, both[i]);
		takes(FORMAT_CIDR, both[i]);
	}
	for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
		takes(FORMAT_INET, hosts[i]);
		refuses(FORMAT_CIDR, hosts[i]);
	}
	for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
		refuses(FORMAT_INET, none[i]);
		refuses(FORMAT_CIDR, none[i]);
	}
	matches(FORMAT_INET, "1.2.3.4\0", 8, false);
	matches(FORMAT_INET, "1.2.3.4/8\0", 10, false);
}

static void uuids(void **state)
{
	(void)state;
	static const char text[] = "01234567-89aB-cDeF-0011-2233445566fF";
	static const uint8_t want[16] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab,
	    0xcd, 0xef, 0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0xff};
	uint8_t out[16];
	assert_true(format_uuid(text, 36, out));
	assert_memory_equal(out, want, sizeof want);
	for (size_t i = 0; i < 36; i++) {
		char bad[37];
		memcpy(bad, text, sizeof bad);
		bad[i] = bad[i] == '-' ? '0' : 'g';
		refuses(FORMAT_UUID, bad);
	}
	matches(FORMAT_UUID, text, 35, false);
	refuses(FORMAT_UUID, "01234567-89aB-cDeF-0011-2233445566fF0");
	refuses(FORMAT_UUID, "");
}

static void addresses(void **state)
{
	(void)state;
	static const char *const taken[] = {"a@b", "a.b@example.org",
	    "!#$%&'*+-/=?^_`{|}~@b", "\"a b\"@b", "\"a\\\"@b\"@b", "\"\"@b",
	    "a@[127.0.0.1]", "a@[IPv6:::1]", "a@1-2.3"};
	static const char *const refused[] = {"", "@", "a", "@b", "a@", ".a@b",
	    "a.@b", "a..b@b", "a b@b", "a@b@c", "\"a\"b\"@b", "\"a\\\"@b",
	    "\"@b", "a@-b", "a@b-", "a@b..c", "a@.b", "a@b.", "a@b-.c", "a@b_c",
	    "a@[127.0.0]", "a@[::1]", "a@[IPv6:1.2.3.4]", "a@[]", "a@[IPv6:]",
	    "a@[127.0.0.1", "\xc3\xa4@b", "a@b\xc3\xa4", "\"a\tb\"@b"};
	for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
		takes(FORMAT_EMAIL, taken[i]);
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
		refuses(FORMAT_EMAIL, refused[i]);
	matches(FORMAT_EMAIL, "a\0@b", 4, false);
	matches(FORMAT_EMAIL, "a@b\0", 4, false);
	matches(FORMAT_EMAIL, "a@[127.0.0.1\0]", 14, false);
}

/* 64 before the @; 63 in a label, 253 in a host name. */
static void lengths_of_addresses(void **state)
{
	(void)state;
	char text[400];
	for (size_t n = 63; n <= 65; n++) {
		memset(text, 'a', n);
		memcpy(text + n, "@b", 3);
		matches(FORMAT_EMAIL, text, n + 2, n <= 64);
		memcpy(text, "a@", 2);
		memset(text + 2, 'b', n);
		text[n + 2] = '\0';
		matches(FORMAT_EMAIL, text, n + 2, n <= 63);
	}
	for (size_t n = 252; n <= 254; n++) {
		memcpy(text, "a@", 2);
		for (size_t i = 0; i < n; i++)
			text[i + 2] = i % 50 == 25 ? '.' : 'b';
		text[n + 2] = '\0';
		matches(FORMAT_EMAIL, text, n + 2, n <= 253);
	}
}

static void uris(void **state)
{
	(void)state;
	static const char *const taken[] = {"a:", "A1+-.:x", "urn:x:y",
	    "http://h", "http://h:/", "http://h:80/p?q#f", "http://u:p@h/",
	    "http://[::1]:80/", "http://[v1.a:b]", "file:///x", "a:?", "a:#",
	    "a:%20", "a:b?c?/:@d#e?/:@f", "http://a@b:1"};
	static const char *const refused[] = {"", ":", "a",
	    "1a:", "+a:", "a b:", "/x", "a:b c", "a:%", "a:%2", "a:%2g",
	    "a:[x]", "a:#b#c", "a:\xc3\xa4", "http://h:x/", "http://[::1",
	    "http://[::1]x", "http://[1.2.3.4]", "http://[v.a]",
	    "http://[vg.a]", "http://[v1.]", "http://a@b@c/", "http://h|/",
	    "a:<b>", "a:\"b\"", "a:b\\c"};
	for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
		takes(FORMAT_URI, taken[i]);
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
		refuses(FORMAT_URI, refused[i]);
	matches(FORMAT_URI, "a:\0", 3, false);
	matches(FORMAT_URI, "a\0:", 3, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(names),
	    cmocka_unit_test(times_in_microseconds),
	    cmocka_unit_test(times_at_their_limits),
	    cmocka_unit_test(digits_of_a_fraction),
	    cmocka_unit_test(without_a_zone),
	    cmocka_unit_test(bytes),
	    cmocka_unit_test(networks),
	    cmocka_unit_test(uuids),
	    cmocka_unit_test(addresses),
	    cmocka_unit_test(lengths_of_addresses),
	    cmocka_unit_test(uris),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
