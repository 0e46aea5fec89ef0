/* redis:// URLs: the parts, and what is refused without showing secrets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/redis/redis_url.h"

#include <string.h>

static void good(void **state)
{
	(void)state;
	static const struct {
		const char *url;
		struct redis_url parts;
	} table[] = {
	    {"redis://localhost", {"", "", "localhost", 6379, 0, false}},
	    {"rediss://localhost", {"", "", "localhost", 6379, 0, true}},
	    {"rediss://joe:secret@h:1/2", {"joe", "secret", "h", 1, 2, true}},
	    {"redis://localhost/", {"", "", "localhost", 6379, 0, false}},
	    {"redis://10.0.0.1:7000", {"", "", "10.0.0.1", 7000, 0, false}},
	    {"redis://h:7000/", {"", "", "h", 7000, 0, false}},
	    {"redis://h:9000", {"", "", "h", 9000, 0, false}},
	    {"redis://h:65535/15", {"", "", "h", 65535, 15, false}},
	    {"redis://h/3", {"", "", "h", 6379, 3, false}},
	    {"redis://:secret@h", {"", "secret", "h", 6379, 0, false}},
	    {"redis://joe:secret@h:1/2", {"joe", "secret", "h", 1, 2, false}},
	    {"redis://joe@h", {"joe", "", "h", 6379, 0, false}},
	    {"redis://joe:@h", {"joe", "", "h", 6379, 0, false}},
	    {"redis://joe:a:b@c/d@h:1/2", {"joe", "a:b@c/d", "h", 1, 2, false}},
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		const struct redis_url *want = &table[i].parts;
		struct redis_url u;
		struct err e = redis_url_parse(table[i].url, &u);
		assert_int_equal(e.kind, ERR_KIND_OK);
		assert_string_equal(u.user, want->user);
		assert_string_equal(u.password, want->password);
		assert_string_equal(u.host, want->host);
		assert_int_equal(u.port, want->port);
		assert_int_equal(u.db, want->db);
		assert_int_equal(u.tls, want->tls);
		redis_url_free(&u);
		assert_null(u.host);
		redis_url_free(&u);
	}
}

static void bad(void **state)
{
	(void)state;
	static const char *const table[] = {"", "redis:/", "redis://",
	    "redisss://hunter2@h", "rediss:/h", "REDIS://h", "h:6379",
	    "redis:///1", "redis://:6379", "redis://joe:hunter2@",
	    "redis://joe:hunter2@:1", "redis://h:", "redis://h:/1",
	    "redis://h:x", "redis://h:-1", "redis://h:+1", "redis://h: 1",
	    "redis://h:1x", "redis://h:65536", "redis://h:0",
	    "redis://h:4294967297", "redis://h:99999999999999999999",
	    "redis://h:1:2", "redis://h:1234567890123456", "redis://h/x",
	    "redis://h/-1", "redis://h/1/2", "redis://h/65536",
	    "redis://joe:hunter2@h:x/1", "redis://joe:hunter2@h/x"};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct redis_url u;
		struct err e = redis_url_parse(table[i], &u);
		assert_int_equal(e.kind, ERR_KIND_FATAL);
		assert_non_null(strstr(e.msg, "redis.url"));
		assert_non_null(strstr(e.msg, "allowed: redis://"));
		assert_null(strstr(e.msg, "hunter2"));
		assert_null(u.host);
		redis_url_free(&u); /* harmless */
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(good),
	    cmocka_unit_test(bad),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
