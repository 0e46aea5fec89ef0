/* The names of members, by what Kafka takes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/kafka/member.h"

#include <string.h>

static void is(const char *setting, const char *host, const char *listen,
    const char *expected)
{
	struct buf b = {0};
	buf_str(&b, "");
	member_name(&b, setting, host, listen);
	assert_string_equal(b.data, expected);
	assert_int_equal(b.len, strlen(expected));
	buf_free(&b);
}

static void names(void **state)
{
	(void)state;
	is("auto", "db1", "127.0.0.1:8082", "db1-127.0.0.1-8082");
	is("auto", "db1", "[::1]:8082", "db1----1--8082");
	is("auto", "h\xc3\xa4rz", "0.0.0.0:1", "h--rz-0.0.0.0-1");
	is("auto", "", "localhost:8082", "-localhost-8082");
	is("blue_1", "db1", "127.0.0.1:8082", "blue_1");
	is("none", "db1", "127.0.0.1:8082", "");
	/* The port is another one at each start. */
	is("auto", "db1", "127.0.0.1:0", "");
}

static void long_names(void **state)
{
	(void)state;
	char host[301] = {0};
	memset(host, 'h', sizeof host - 1);
	struct buf b = {0};
	member_name(&b, "auto", host, "127.0.0.1:8082");
	assert_int_equal(b.len, MEMBER_NAME_MAX);
	assert_int_equal(strlen(b.data), MEMBER_NAME_MAX);
	assert_string_equal(b.data + MEMBER_NAME_MAX - 16, "h-127.0.0.1-8082");
	assert_int_equal(member_check(b.data).kind, ERR_KIND_OK);
	buf_free(&b);
}

static void checked(void **state)
{
	(void)state;
	static const char *const bad[] = {
	    "", ".", "..", "a b", "a:1", "a/b", "h\xc3\xa4rz"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(member_check(bad[i]).kind, ERR_KIND_FATAL);
	assert_int_equal(member_check("auto").kind, ERR_KIND_OK);
	assert_int_equal(member_check("none").kind, ERR_KIND_OK);
	assert_int_equal(member_check("Blue.1_a-b").kind, ERR_KIND_OK);
	char name[MEMBER_NAME_MAX + 2] = {0};
	memset(name, 'n', MEMBER_NAME_MAX);
	assert_int_equal(member_check(name).kind, ERR_KIND_OK);
	name[MEMBER_NAME_MAX] = 'n';
	assert_int_equal(member_check(name).kind, ERR_KIND_FATAL);
}

static void heartbeats(void **state)
{
	(void)state;
	assert_int_equal(member_heartbeat(CLOCK_S(6)), CLOCK_MS(500));
	assert_int_equal(member_heartbeat(CLOCK_S(1)), CLOCK_MS(100));
	assert_int_equal(member_heartbeat(CLOCK_S(300)), CLOCK_S(1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(names),
	    cmocka_unit_test(long_names),
	    cmocka_unit_test(checked),
	    cmocka_unit_test(heartbeats),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
