/* Keys of several fields: each has one text, and each text one key. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/schema/declare.h"
#include "common/schema/key_parts.h"

#include <string.h>

static const char text[] =
    "{\"name\":\"c\",\"fields\":{\"n\":{\"type\":\"integer\","
    "\"format\":\"int16\"},\"note\":{\"type\":\"string\",\"nullable\":true},"
    "\"t\":{\"type\":\"string\"},\"d\":{\"type\":\"string\",\"format\":"
    "\"date\"},\"u\":{\"type\":\"string\",\"format\":\"uuid\"}},"
    "\"key\":[\"t\",\"n\",\"d\",\"u\"]}";
#define UUID "018f2b2e-0000-7000-8000-00000000000a"
#define REST ",7,2026-01-31," UUID

/* The other types that a part may have. */
static const char wide[] =
    "{\"name\":\"c\",\"table\":\"t\",\"fields\":{\"c\":{\"type\":\"string\","
    "\"maxLength\":4,\"columnType\":\"char\"},\"at\":{\"type\":\"string\","
    "\"format\":\"date-time\"},\"local\":{\"type\":\"string\",\"format\":"
    "\"date-time-local\"},\"time\":{\"type\":\"string\",\"format\":"
    "\"time-local\"},\"yes\":{\"type\":\"boolean\"},\"e\":{\"type\":"
    "\"string\",\"enum\":[\"a,b\",\"c\"],\"columnType\":\"kinds\"},\"x\":{"
    "\"type\":\"integer\"}},\"required\":[\"x\"],"
    "\"key\":[\"c\",\"at\",\"local\",\"time\",\"yes\",\"e\"]}";
#define AT "2026-01-31T12:00:00"

static struct declaration *read(const char *from)
{
	struct declare_fault fault;
	struct declaration *d = declare(from, strlen(from), "c", &fault);
	if (d == NULL)
		fail_msg("%s: %s", fault.pointer, fault.reason);
	return d;
}

static void texts(void **state)
{
	(void)state;
	static const char *const good[] = {"a" REST, REST, "%25%2C" REST,
	    "\xc3\xa9 /" REST, "a,-32768,0001-01-01," UUID};
	static const char *const bad[] = {"", ",", ",,,", "a", "a" REST ",",
	    "a,b" REST, "%" REST, "%2" REST, "%2c" REST, "%41" REST,
	    "\xff" REST, "a,07,2026-01-31," UUID, "a,+7,2026-01-31," UUID,
	    "a,32768,2026-01-31," UUID, "a,,2026-01-31," UUID,
	    "a,7,2026-02-30," UUID, "a,7,2026-01-31,",
	    "a,7," UUID ",2026-01-31",
	    "a,7,2026-01-31,018F2B2E-0000-7000-8000-00000000000A"};
	struct declaration *d = read(text);
	const struct collection *c = declaration_collection(d);
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		if (!collection_key_valid(c, good[i], strlen(good[i])))
			fail_msg("%s", good[i]);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		if (collection_key_valid(c, bad[i], strlen(bad[i])))
			fail_msg("%s", bad[i]);
	}
	assert_false(collection_key_valid(c, "a\0" REST, sizeof REST + 1));
	char longest[COLLECTION_KEY_MAX + 2];
	memset(longest, 'a', sizeof longest);
	size_t rest = strlen(REST);
	memcpy(longest + COLLECTION_KEY_MAX - rest, REST, rest + 1);
	assert_true(collection_key_valid(c, longest, COLLECTION_KEY_MAX));
	memset(longest, 'a', sizeof longest);
	memcpy(longest + COLLECTION_KEY_MAX + 1 - rest, REST, rest + 1);
	assert_false(collection_key_valid(c, longest, COLLECTION_KEY_MAX + 1));
	declaration_free(&d);
}

/* From the values of a document to the key and back. */
static void values(void **state)
{
	(void)state;
	static const char *const given[] = {"\"50%, \\u00e9\"", "7.0",
	    "\"2026-01-31\"", "\"018F2B2E-0000-7000-8000-00000000000A\""};
	static const char *const back[] = {
	    "\"50%, \xc3\xa9\"", "7", "\"2026-01-31\"", "\"" UUID "\""};
	struct declaration *d = read(text);
	const struct collection *c = declaration_collection(d);
	struct buf key = {0};
	for (size_t i = 0; i < c->nparts; i++) {
		buf_str(&key, i ? "," : "");
		key_parts_add(&key, c->parts[i],
		    (struct jsonslice){given[i], strlen(given[i])});
	}
	assert_string_equal(key.data, "50%25%2C \xc3\xa9" REST);
	assert_true(collection_key_valid(c, key.data, key.len));
	for (size_t i = 0; i < c->nparts; i++) {
		struct buf one = {0};
		key_parts_json(&one, c, key.data, key.len, i);
		assert_string_equal(one.data, back[i]);
		buf_free(&one);
	}
	buf_free(&key);
	declaration_free(&d);
}

static void wide_values(void **state)
{
	(void)state;
	static const struct {
		const char *value, *part, *back;
	} of[][3] = {
	    {{"\"ab  \"", "ab", "\"ab\""}, {"\" a\"", " a", "\" a\""},
		{"\"  \"", "", "\"\""}},
	    {{"\"" AT "Z\"", AT "+00:00", "\"" AT "+00:00\""},
		{"\"2026-01-31t13:00:00.500000+01:00\"", AT ".5+00:00",
		    "\"" AT ".5+00:00\""},
		{"\"2026-01-31T11:59:59.99999951Z\"", AT "+00:00",
		    "\"" AT "+00:00\""}},
	    {{"\"" AT "\"", AT, "\"" AT "\""},
		{"\"" AT ".120\"", AT ".12", "\"" AT ".12\""},
		{"\"2026-01-31t12:00:00\"", AT, "\"" AT "\""}},
	    {{"\"12:00:00\"", "12:00:00", "\"12:00:00\""},
		{"\"00:00:00.000000\"", "00:00:00", "\"00:00:00\""},
		{"\"23:59:59.999999\"", "23:59:59.999999",
		    "\"23:59:59.999999\""}},
	    {{"true", "true", "true"}, {"false", "false", "false"},
		{"true", "true", "true"}},
	    {{"\"a,b\"", "a%2Cb", "\"a,b\""}, {"\"c\"", "c", "\"c\""},
		{"\"c\"", "c", "\"c\""}},
	};
	struct declaration *d = read(wide);
	const struct collection *c = declaration_collection(d);
	for (size_t k = 0; k < 3; k++) {
		struct buf key = {0}, want = {0};
		for (size_t i = 0; i < c->nparts; i++) {
			const char *v = of[i][k].value;
			buf_str(&key, i ? "," : "");
			key_parts_add(&key, c->parts[i],
			    (struct jsonslice){v, strlen(v)});
			buf_printf(&want, "%s%s", i ? "," : "", of[i][k].part);
		}
		assert_string_equal(key.data, want.data);
		assert_true(collection_key_valid(c, key.data, key.len));
		for (size_t i = 0; i < c->nparts; i++) {
			struct buf one = {0};
			key_parts_json(&one, c, key.data, key.len, i);
			assert_string_equal(one.data, of[i][k].back);
			buf_free(&one);
		}
		buf_free(&key);
		buf_free(&want);
	}
	declaration_free(&d);
}

/* Each value has one text. */
static void wide_texts(void **state)
{
	(void)state;
	static const char *const parts[] = {
	    "ab", AT "+00:00", AT, "12:00:00", "true", "c"};
	static const struct {
		size_t of;
		const char *part;
	} bad[] = {{0, "ab "}, {0, " "}, {1, AT "Z"}, {1, AT ".0+00:00"},
	    {1, AT ".50+00:00"}, {1, "2026-01-31t12:00:00+00:00"},
	    {1, AT "+01:00"}, {1, AT "-00:00"}, {1, AT}, {1, "infinity"},
	    {1, "2026-01-31 12:00:00+00:00"}, {1, "2016-12-31T23:59:60+00:00"},
	    {2, AT "Z"}, {2, AT ".0"}, {2, "2026-02-30T12:00:00"}, {2, ""},
	    {3, "24:00:00"}, {3, "12:00"}, {3, "12:00:00.10"}, {3, "12:00:00Z"},
	    {4, "t"}, {4, "TRUE"}, {4, "1"}, {4, ""}, {5, "%"}};
	struct declaration *d = read(wide);
	const struct collection *c = declaration_collection(d);
	for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
		struct buf key = {0};
		for (size_t i = 0; i < c->nparts; i++)
			buf_printf(&key, "%s%s", i ? "," : "",
			    i == bad[k].of ? bad[k].part : parts[i]);
		if (collection_key_valid(c, key.data, key.len))
			fail_msg("%s", key.data);
		buf_free(&key);
	}
	declaration_free(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(texts),
	    cmocka_unit_test(values),
	    cmocka_unit_test(wide_values),
	    cmocka_unit_test(wide_texts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
