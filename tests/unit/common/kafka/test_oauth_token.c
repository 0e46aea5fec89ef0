/* Tokens of OAUTHBEARER: how long they count, and whose they are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/access/base64url.h"
#include "common/kafka/oauth_token.h"

#include <stdio.h>
#include <string.h>

#define NOW CLOCK_S(1000000)

static struct err parse(const char *claims, struct oauth_token *t)
{
	struct buf token = {0};
	buf_str(&token, "eyJhbGciOiJub25lIn0.");
	base64url_encode(&token, claims, strlen(claims));
	buf_str(&token, ".c2ln");
	struct err e = oauth_token_parse(token.data, NOW, t);
	buf_free(&token);
	return e;
}

static void a_jwt(void **state)
{
	(void)state;
	struct oauth_token t;
	struct err e = parse("{\"exp\":1000060,\"sub\":\"joe\"}", &t);
	assert_int_equal(e.kind, ERR_KIND_OK);
	assert_int_equal(t.until, NOW + CLOCK_S(60));
	assert_string_equal(t.principal, "joe");
	e = parse("{\"exp\":1000060.5}", &t);
	assert_int_equal(t.until, NOW + CLOCK_S(60) + 500000);
	assert_string_equal(t.principal, "sluice");
	e = parse("{\"exp\":1000000}", &t);
	assert_int_equal(e.kind, ERR_KIND_FATAL);
	assert_string_equal(e.msg, "the token has expired");
	e = parse("{\"exp\":-1}", &t);
	assert_int_equal(t.until, NOW + CLOCK_S(300));
	e = parse("{\"exp\":1e300,\"sub\":7}", &t);
	assert_int_equal(t.until, NOW + CLOCK_S(300));
	assert_string_equal(t.principal, "sluice");
}

static void another_token(void **state)
{
	(void)state;
	static const char *const table[] = {
	    "a", "a.b", "a.b.c", "a..c", "...", "aGVsbG8=", "x~y+z/-_"};
	struct oauth_token t;
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct err e = oauth_token_parse(table[i], NOW, &t);
		assert_int_equal(e.kind, ERR_KIND_OK);
		assert_int_equal(t.until, NOW + CLOCK_S(300));
		assert_string_equal(t.principal, "sluice");
	}
}

static void no_token(void **state)
{
	(void)state;
	static const char *const table[] = {
	    "", "a b", "a\n", "hunter2\x01", "h\xc3\xbcnter2"};
	struct oauth_token t;
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct err e = oauth_token_parse(table[i], NOW, &t);
		assert_int_equal(e.kind, ERR_KIND_FATAL);
		assert_null(strstr(e.msg, "nter2"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_jwt),
	    cmocka_unit_test(another_token),
	    cmocka_unit_test(no_token),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
