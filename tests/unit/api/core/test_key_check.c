/* Which keys a collection takes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/core/key_check.h"

#include "tests/unit/bytes.h"
#include "tests/unit/declared.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct collection *records;

static void keys(void **state)
{
	(void)state;
	char longest[257];
	memset(longest, 'x', sizeof longest);
	static const struct {
		struct text key;
		const char *detail; /* NULL: good */
	} table[] = {
	    {T("k"), NULL},
	    {T(" "), NULL},
	    {T("a/b?c#d%"), NULL},
	    {T("_mark"), NULL},
	    {T("\x01\x7f\n"), NULL},
	    {T("h\xc3\xa9"), NULL},
	    {T(""), "must not be empty"},
	    {T("\0"), "must not contain a NUL byte"},
	    {T("a\0b"), "must not contain a NUL byte"},
	    {T("\xff"), "must be UTF-8"},
	    {T("h\xc3"), "must be UTF-8"},
	    {T("\xed\xa0\x80"), "must be UTF-8"},
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct violations v = {0};
		char *own = bytes_of(table[i].key.s, table[i].key.len);
		bool good = key_check(records, own, table[i].key.len, &v);
		assert_int_equal(good, table[i].detail == NULL);
		assert_int_equal(v.n, good ? 0 : 1);
		if (!good) {
			assert_string_equal(v.items[0].pointer, "/key");
			assert_string_equal(v.items[0].detail, table[i].detail);
		}
		free(own);
		violations_free(&v);
	}
	struct violations v = {0};
	assert_true(key_check(records, longest, 255, &v));
	assert_false(key_check(records, longest, 256, &v));
	assert_string_equal(v.items[0].detail, "has 256 bytes; at most 255");
	/* What was there before does not make a good key bad. */
	assert_true(key_check(records, "k", 1, &v));
	assert_int_equal(v.n, 1);
	violations_free(&v);
}

static void groups(void **state)
{
	(void)state;
	static const struct {
		struct jsonslice text;
		const char *detail; /* NULL: good */
	} table[] = {
	    {T("c42"), NULL},
	    {T("_c"), NULL},
	    {T("h\xc3\xa9 /"), NULL},
	    {T(""), "must not be empty"},
	    {T("a\0b"), "must not contain a NUL byte"},
	    {T("\xff"), "must be UTF-8"},
	    {T("c42:1"), "must not contain ':': a group is the part of a key "
			 "in front of the first one"},
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct violations v = {0};
		char *own = bytes_of(table[i].text.s, table[i].text.len);
		bool good = key_check_group(own, table[i].text.len, &v);
		assert_int_equal(good, table[i].detail == NULL);
		if (!good) {
			assert_string_equal(v.items[0].pointer, "/group");
			assert_string_equal(v.items[0].detail, table[i].detail);
		}
		free(own);
		violations_free(&v);
	}
}

static void forms_of_keys(void **state)
{
	(void)state;
	struct collection c = {.key = KEY_INTEGER};
	assert_string_equal(key_check_form(&c), "must be a 64-bit integer");
	c.key_format = FORMAT_INT32;
	assert_string_equal(key_check_form(&c), "must be a 32-bit integer");
	c.key_format = FORMAT_INT16;
	assert_string_equal(key_check_form(&c), "must be a 16-bit integer");
	c = (struct collection){.key = KEY_UUIDV7};
	assert_string_equal(key_check_form(&c), "must be a UUID in lower case");
}

int main(void)
{
	records = declared("records");
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(keys),
	    cmocka_unit_test(groups),
	    cmocka_unit_test(forms_of_keys),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
