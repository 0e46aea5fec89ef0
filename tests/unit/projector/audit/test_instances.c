/* The list of instances, and what their reports say of L1. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "projector/audit/instances.h"

#include <stdio.h>
#include <string.h>

static bool parse(const char *l1, const char *floor, struct audit_sight *out)
{
	char body[512];
	snprintf(body, sizeof body,
	    "{\"instance\":{\"watermark\":\"9\",\"floor\":%s},\"l1\":%s}",
	    floor, l1);
	return instances_parse(body, strlen(body), out);
}

static void reports(void **state)
{
	(void)state;
	struct audit_sight s;
	const char *present =
	    "{\"state\":\"present\",\"version\":\"7\",\"as_of\":\"8\"}";
	assert_true(parse(present, "\"8\"", &s));
	assert_true(s.present && s.version == 7 && s.as_of == 8);
	assert_false(s.has_digest);
	assert_false(parse(present, "\"9\"", &s)); /* it is not served */
	assert_false(parse(present, "null", &s));
	assert_true(
	    parse("{\"state\":\"absent\",\"as_of\":\"8\"}", "\"8\"", &s));
	assert_true(!s.present && s.as_of == 8);
	assert_false(parse("{\"state\":\"none\"}", "\"8\"", &s));
	assert_false(parse("{\"state\":\"present\",\"as_of\":\"8\"}", "0", &s));
	assert_false(instances_parse("not JSON", 8, &s));
	assert_false(instances_parse("", 0, &s));
}

static void lists(void **state)
{
	(void)state;
	static const char *const good[] = {"", "a:1", "a:1,b:65535", "[::1]:80",
	    " a:1 , b:2 ", "https://a:1", "a:1,https://[::1]:2"};
	static const char *const bad[] = {"a", "a:", ":1", "a:0", "a:65536",
	    "a:1,b", "a:1x", "https://a", "https://", "http://a:b"};
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		assert_int_equal(instances_check(good[i]).kind, ERR_KIND_OK);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct err e = instances_check(bad[i]);
		assert_int_equal(e.kind, ERR_KIND_FATAL);
		assert_non_null(strstr(e.msg, "audit.instances"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(reports),
	    cmocka_unit_test(lists),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
