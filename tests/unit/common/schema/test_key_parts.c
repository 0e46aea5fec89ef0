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

static struct declaration *read(void)
{
	struct declare_fault fault;
	struct declaration *d = declare(text, sizeof text - 1, "c", &fault);
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
	struct declaration *d = read();
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
	struct declaration *d = read();
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

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(texts),
	    cmocka_unit_test(values),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
