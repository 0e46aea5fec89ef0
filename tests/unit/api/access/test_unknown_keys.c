/* A key that no set has may come with the next fetch, and with no later one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/access/unknown_keys.h"

static void until_the_next_fetch(void **state)
{
	(void)state;
	struct unknown_keys u = {0};
	assert_true(unknown_keys_may_come(&u, 7, 100, 50));
	assert_true(unknown_keys_may_come(&u, 7, 200, 50));
	/* A fetch that began before, or in the same microsecond, may have come
	 * too early. */
	assert_true(unknown_keys_may_come(&u, 7, 300, 100));
	assert_false(unknown_keys_may_come(&u, 7, 300, 101));
	assert_false(unknown_keys_may_come(&u, 7, 400, 350));
	/* Another one is judged by itself. */
	assert_true(unknown_keys_may_come(&u, 0, 400, 350));
	assert_true(unknown_keys_may_come(&u, 0, 500, 350));
	assert_false(unknown_keys_may_come(&u, 0, 500, 401));
}

static void more_than_there_is_room_for(void **state)
{
	(void)state;
	struct unknown_keys u = {0};
	for (uint64_t name = 0; name <= UNKNOWN_KEYS; name++)
		assert_true(unknown_keys_may_come(&u, name, 100, 50));
	for (uint64_t name = 1; name <= UNKNOWN_KEYS; name++)
		assert_false(unknown_keys_may_come(&u, name, 200, 150));
	/* The first one had to make room: it counts as new. */
	assert_true(unknown_keys_may_come(&u, 0, 200, 150));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(until_the_next_fetch),
	    cmocka_unit_test(more_than_there_is_room_for),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
