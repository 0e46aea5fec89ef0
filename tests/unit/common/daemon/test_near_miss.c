#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/daemon/near_miss.h"

#include <string.h>

static const char *meant(const char *given)
{
	static const char *const names[] = {"migrate", "print-docs",
	    "primary.url", "redis.url", "log.level", "wait"};
	struct near_miss m = near_miss_of(given);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		near_miss_try(&m, names[i]);
	return near_miss_found(&m);
}

static void names(void **state)
{
	(void)state;
	assert_string_equal(meant("migrat"), "migrate");
	assert_string_equal(meant("migrate"), "migrate");
	assert_string_equal(meant("redis.ulr"), "redis.url");
	assert_string_equal(meant("primary.ulr"), "primary.url");
	assert_string_equal(meant("logs.level"), "log.level");
	assert_string_equal(meant("weit"), "wait");
	assert_string_equal(meant("redis"), "redis.url");
	assert_null(meant("nonsense"));
	assert_null(meant(""));
	char longest[1000];
	memset(longest, 'a', sizeof longest - 1);
	longest[sizeof longest - 1] = '\0';
	assert_null(meant(longest));
	struct near_miss none = near_miss_of("x");
	assert_null(near_miss_found(&none));
	near_miss_try(&none, longest);
	assert_null(near_miss_found(&none));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(names)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
