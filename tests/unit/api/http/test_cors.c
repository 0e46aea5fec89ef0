/* CORS: the setting, and the headers for who asks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/http/cors.h"

#include <string.h>

#define A "https://a.example"

static void the_setting(void **state)
{
	(void)state;
	static const char *const good[] = {"", "*", A, "http://localhost:3000",
	    "http://[::1]:3000", "http://127.0.0.1", "http://a, http://b",
	    A ",https://b.example:8443"};
	static const char *const bad[] = {"null", "a.example", "https://",
	    A "/", A "/x", A ":", A ":x", "https://*.example",
	    "https://A.example", "ftp://a", "*, " A, "http://[::1",
	    "http://u@a", "http://a?b", "http://:80", A " null"};
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		if (!cors_check(good[i]))
			fail_msg("%s", good[i]);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		if (cors_check(bad[i]))
			fail_msg("%s", bad[i]);
	}
}

static const char *value_of(
    const struct cors_header *headers, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(headers[i].name, name) == 0)
			return headers[i].value;
	}
	return NULL;
}

static void nobody(void **state)
{
	(void)state;
	struct cors_header h[CORS_HEADERS];
	assert_int_equal(cors_always("", h), 0);
	assert_int_equal(cors_for("", A, h), 0);
	assert_int_equal(cors_preflight("", A, "GET", h), 0);
	assert_true(cors_shares("", A));
	assert_true(cors_shares("", NULL));
}

static void everybody(void **state)
{
	(void)state;
	struct cors_header h[CORS_HEADERS];
	size_t n = cors_always("*", h);
	assert_string_equal(value_of(h, n, "Access-Control-Allow-Origin"), "*");
	assert_non_null(
	    strstr(value_of(h, n, "Access-Control-Expose-Headers"), "ETag"));
	assert_null(value_of(h, n, "Access-Control-Allow-Credentials"));
	assert_null(value_of(h, n, "Vary"));
	assert_int_equal(cors_for("*", A, h), 0);
	n = cors_preflight("*", A, "GET, HEAD, PUT", h);
	assert_string_equal(
	    value_of(h, n, "Access-Control-Allow-Methods"), "GET, HEAD, PUT");
	assert_true(cors_shares("*", A));
	assert_true(cors_shares("*", "*"));
}

static void who_is_named(void **state)
{
	(void)state;
	struct cors_header h[CORS_HEADERS];
	const char *origins = "http://b, " A;
	size_t n = cors_always(origins, h);
	assert_int_equal(n, 1);
	assert_string_equal(value_of(h, n, "Vary"), "Origin");
	n = cors_for(origins, A, h);
	assert_string_equal(value_of(h, n, "Access-Control-Allow-Origin"), A);
	assert_string_equal(
	    value_of(h, n, "Access-Control-Allow-Credentials"), "true");
	n = cors_preflight(origins, A, "PUT", h);
	const char *taken = value_of(h, n, "Access-Control-Allow-Headers");
	static const char *const names[] = {"Authorization", "X-API-Key",
	    "Content-Type", "Prefer", "If-Match", "If-None-Match",
	    "Idempotency-Key", "Sluice-Read-After", "Last-Event-ID",
	    "traceparent", "Cache-Control"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		assert_non_null(strstr(taken, names[i]));
	assert_non_null(value_of(h, n, "Access-Control-Max-Age"));
	assert_false(cors_shares(origins, A));
	assert_true(cors_shares(origins, NULL));
}

static void who_is_not(void **state)
{
	(void)state;
	static const char *const others[] = {NULL, "", "null", "*", A ":443",
	    A ".evil", "http://a.example", "http://b, " A, ", "};
	struct cors_header h[CORS_HEADERS];
	const char *origins = "http://b, " A;
	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		assert_int_equal(cors_for(origins, others[i], h), 0);
		assert_int_equal(
		    cors_preflight(origins, others[i], "PUT", h), 0);
		assert_true(cors_shares(origins, others[i]));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_setting),
	    cmocka_unit_test(nobody),
	    cmocka_unit_test(everybody),
	    cmocka_unit_test(who_is_named),
	    cmocka_unit_test(who_is_not),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
