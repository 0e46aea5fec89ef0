/* base64: the vectors of RFC 4648, 10, and what is no spelling of any bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/json/base64.h"

#include <stdlib.h>
#include <string.h>

static bool is_valid(const char *s, size_t len)
{
	char *copy = malloc(len ? len : 1); /* of exactly its size */
	assert_non_null(copy);
	memcpy(copy, s, len);
	bool valid = base64_valid(copy, len);
	free(copy);
	return valid;
}

static void vectors(void **state)
{
	(void)state;
	static const char *const all[][2] = {{"", ""}, {"f", "Zg=="},
	    {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="},
	    {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		struct buf b = {0};
		buf_char(&b, '>'); /* it appends */
		base64_encode(&b, all[i][0], strlen(all[i][0]));
		assert_string_equal(b.data + 1, all[i][1]);
		assert_true(is_valid(all[i][1], strlen(all[i][1])));
		buf_free(&b);
	}
	struct buf b = {0};
	base64_encode(&b, "\xff\xef\xbe\x00", 4);
	assert_string_equal(b.data, "/+++AA==");
	buf_free(&b);
}

static void refused(void **state)
{
	(void)state;
	static const char *const all[] = {"Z", "Zg", "Zg=", "Zg===", "=",
	    "==", "===", "====", "Z===", "Zh==", "Zm9=", "Zm-v", "Zm_v",
	    "Zm9v\n", " Zm9v", "Zm 9", "Zg==Zm9v", "Z=9v", "\xc3\xa9_v"};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		if (is_valid(all[i], strlen(all[i])))
			fail_msg("%s is taken", all[i]);
	}
	assert_false(is_valid("Zm9\0", 4));
}

/* A spelling is valid if, and only if, it is the one of the bytes. */
static void one_spelling(void **state)
{
	(void)state;
	size_t valid = 0;
	for (int a = 1; a < 128; a++) {
		for (int b = 1; b < 128; b++) {
			const char s[] = {(char)a, (char)b, '=', '='};
			valid += is_valid(s, 4);
		}
	}
	assert_int_equal(valid, 256);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(vectors),
	    cmocka_unit_test(refused),
	    cmocka_unit_test(one_spelling),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
