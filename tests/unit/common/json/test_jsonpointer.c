/* JSON pointers: the examples of RFC 6901, 5. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/json/jsonpointer.h"

#include <string.h>

static void examples(void **state)
{
	(void)state;
	static const char *const all[][2] = {{"foo", "/foo"}, {"", "/"},
	    {"a/b", "/a~1b"}, {"c%d", "/c%d"}, {"k\"l", "/k\"l"},
	    {"m~n", "/m~0n"}, {"~1", "/~01"}};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		struct buf b = {0};
		buf_char(&b, '>'); /* it appends */
		jsonpointer_add(&b, all[i][0], strlen(all[i][0]));
		assert_string_equal(b.data + 1, all[i][1]);
		buf_free(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(examples)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
