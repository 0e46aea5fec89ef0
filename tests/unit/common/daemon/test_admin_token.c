/* The token of the admin listener: its form, and who shows it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/daemon/admin_token.h"

#include <string.h>

#define TOKEN "0123456789abcdef"

static enum err_kind kind_of(const char *listen, const char *token)
{
	struct err e = admin_token_check(listen, token);
	assert_null(strstr(e.msg, "0123"));
	return e.kind;
}

static void at_the_start(void **state)
{
	(void)state;
	assert_int_equal(kind_of("127.0.0.1:8081", ""), ERR_KIND_OK);
	assert_int_equal(kind_of("[::1]:8081", ""), ERR_KIND_OK);
	assert_int_equal(kind_of("0.0.0.0:8081", ""), ERR_KIND_FATAL);
	assert_int_equal(kind_of("*:8081", ""), ERR_KIND_FATAL);
	assert_int_equal(kind_of("0.0.0.0:8081", TOKEN), ERR_KIND_OK);
	assert_int_equal(kind_of("127.0.0.1:8081", TOKEN), ERR_KIND_OK);
	static const char *const bad[] = {"0123456789abcde",
	    "0123456789abcdef ", "0123456789 abcdef", "0123456789abcde\xc3\xa9",
	    "0123456789abcdef\t"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(
		    kind_of("127.0.0.1:8081", bad[i]), ERR_KIND_FATAL);
	assert_non_null(
	    strstr(admin_token_check("0.0.0.0:1", "").msg, "set admin.token"));
}

static enum err_kind renewal(const char *first, const char *now)
{
	return admin_token_check_renewal("admin.token", first, now).kind;
}

static void at_a_reload(void **state)
{
	(void)state;
	assert_int_equal(renewal("", ""), ERR_KIND_OK);
	assert_int_equal(renewal(TOKEN, TOKEN "2"), ERR_KIND_OK);
	assert_int_equal(renewal(TOKEN, "short"), ERR_KIND_FATAL);
	assert_int_equal(renewal(TOKEN, ""), ERR_KIND_FATAL);
	assert_int_equal(renewal("", TOKEN), ERR_KIND_FATAL);
}

static void who_shows_it(void **state)
{
	(void)state;
	static const char *const good[] = {"Bearer " TOKEN, "bearer " TOKEN,
	    "BEARER   " TOKEN, "Bearer " TOKEN " \t"};
	static const char *const bad[] = {NULL, "", "Bearer", "Bearer ",
	    "Bearer" TOKEN, TOKEN, "Basic " TOKEN, "Bearer " TOKEN "x",
	    "Bearer 0123456789abcde", "Bearer 0123456789ABCDEF",
	    "Bearer " TOKEN ", " TOKEN, "Bearer\t" TOKEN};
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		assert_true(admin_token_is_shown(good[i], TOKEN));
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(admin_token_is_shown(bad[i], TOKEN));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(at_the_start),
	    cmocka_unit_test(at_a_reload),
	    cmocka_unit_test(who_shows_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
