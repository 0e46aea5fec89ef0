/* Ids of requests: which are taken, which are made; trace ids. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/http/request_id.h"

#include <stdio.h>
#include <string.h>

static void which_are_taken(void **state)
{
	(void)state;
	static const char *const good[] = {"a", "0123-_.:/+=@~",
	    "Root=1-67891233-abcdef012345678912345678",
	    "01890a5d-ac96-774b-bcce-b302099a8057"};
	static const char *const bad[] = {"", " a", "a b", "a\"", "a\\", "a,b",
	    "a\n", "h\xc3\xa9", "{}", "<a>"};
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		assert_true(request_id_is_valid(good[i]));
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(request_id_is_valid(bad[i]));
	char text[REQUEST_ID_MAX + 2] = "";
	memset(text, 'x', REQUEST_ID_MAX);
	assert_true(request_id_is_valid(text));
	text[REQUEST_ID_MAX] = 'x';
	assert_false(request_id_is_valid(text));
}

static void which_are_made(void **state)
{
	(void)state;
	char last[REQUEST_ID_OWN + 1] = "", id[REQUEST_ID_OWN + 1];
	for (int i = 0; i < 1000; i++) {
		request_id_make(id);
		assert_int_equal(strlen(id), REQUEST_ID_OWN);
		assert_true(request_id_is_valid(id));
		assert_string_not_equal(id, last);
		memcpy(last, id, sizeof last);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(which_are_taken),
	    cmocka_unit_test(which_are_made),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
