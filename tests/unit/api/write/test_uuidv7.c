/* RFC 9562, appendix A.6, and the bits that are fixed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/write/uuidv7.h"

#include <string.h>

static void example(void **state)
{
	(void)state;
	char text[UUIDV7_LEN];
	uuidv7_make(
	    1645557742000000, 0xcc3, UINT64_C(0x18c4dc0c0c07398f), text);
	assert_string_equal(text, "017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
}

static void bits(void **state)
{
	(void)state;
	char none[UUIDV7_LEN], all[UUIDV7_LEN];
	uuidv7_make(0, 0, 0, none);
	assert_string_equal(none, "00000000-0000-7000-8000-000000000000");
	uuidv7_make(253402300799999999, UINT64_MAX, UINT64_MAX, all);
	assert_string_equal(all, "e677d21f-dbff-7fff-bfff-ffffffffffff");
	assert_true(strcmp(none, all) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(example),
	    cmocka_unit_test(bits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
