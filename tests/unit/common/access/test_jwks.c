/* Key sets: the one of RFC 7517, A.1, keys that are passed over, sets that
 * cannot be used, and which key a token gets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/access/jwks.h"

#include "tests/unit/tokens.h"

#include <stdio.h>
#include <unistd.h>

/* RFC 7517, A.1 */
static const char rfc7517[] =
    "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\","
    "\"x\":\"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4\","
    "\"y\":\"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM\","
    "\"use\":\"enc\",\"kid\":\"1\"},"
    "{\"kty\":\"RSA\",\"n\":\"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78L"
    "hWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64t"
    "Z_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMic"
    "AtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4"
    "vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzK"
    "nqDKgw\",\"e\":\"AQAB\",\"alg\":\"RS256\",\"kid\":\"2011-04-29\"}]}";

static struct jwks *parsed(const char *text)
{
	struct jwks *set;
	struct err e = jwks_parse(text, strlen(text), true, &set);
	if (e.kind != ERR_KIND_OK)
		fail_msg("%s", e.msg);
	return set;
}

static void reads_the_example(void **state)
{
	(void)state;
	const struct jwk *k;
	struct jwks *set = parsed(rfc7517);
	assert_int_equal(jwks_count(set), 1);
	assert_string_equal(
	    jwks_passed_over(set, 0), "keys[0]: its use is not sig");
	assert_null(jwks_passed_over(set, 1));
	assert_int_equal(
	    jwks_find(set, "2011-04-29", JWK_RS256, &k), JWKS_FOUND);
	assert_string_equal(k->kid, "2011-04-29");
	assert_int_equal(
	    jwks_find(set, "2011-04-29", JWK_PS256, &k), JWKS_OTHER_ALG);
	assert_null(k);
	assert_int_equal(jwks_find(set, "1", JWK_ES256, &k), JWKS_UNKNOWN);
	struct jwks *same = parsed(rfc7517), *changed = NULL;
	struct buf text = {0};
	buf_printf(&text, "%s ", rfc7517);
	changed = parsed(text.data);
	assert_true(jwks_same(set, same));
	assert_false(jwks_same(set, changed));
	jwks_release(&same);
	jwks_release(&changed);
	buf_free(&text);
	struct jwks *other = jwks_hold(set);
	jwks_release(&set);
	assert_null(set);
	assert_int_equal(jwks_count(other), 1);
	jwks_release(&other);
	jwks_release(&other);
}

static const struct {
	const char *text, *message;
} wrong[] = {
    {"", "line 1, column 1: ends too early"},
    {"{\"keys\":[}", "line 1, column 10: not valid JSON"},
    {"[]", "line 1, column 1: must be an object"},
    {"{\"keys\":[],\"keys\":[]}",
	"line 1, column 17: a duplicate member of its object"},
    {"{\"keys\":[{\"kty\":\"RSA\",\n\"kty\":\"oct\"}]}",
	"line 2, column 5: a duplicate member of its object"},
    {"{}", "keys: the member must be there, and be an array"},
    {"{\"keys\":{}}", "keys: the member must be there, and be an array"},
    {"{\"keys\":[]}", "keys: has no key"},
    {"{\"keys\":[7]}", "no key can be used to verify tokens; keys[0]: must be "
		       "an object"},
    {"{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-521\"},{\"kty\":\"RSA\"}]}",
	"no key can be used to verify tokens; keys[0]: an EC key must have the "
	"crv P-256"},
};

static void says_what_is_wrong(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct jwks *set;
		struct err e = jwks_parse(
		    wrong[i].text, strlen(wrong[i].text), true, &set);
		assert_null(set);
		assert_int_equal(e.kind, ERR_KIND_FATAL);
		assert_string_equal(e.msg, wrong[i].message);
	}
}

static void bounds_the_keys(void **state)
{
	(void)state;
	struct buf text = {0};
	struct jwks *set;
	buf_str(&text, "{\"keys\":[");
	for (int i = 0; i <= JWKS_KEYS_MOST; i++)
		buf_str(&text, i ? ",{}" : "{}");
	buf_str(&text, "]}");
	struct err e = jwks_parse(text.data, text.len, true, &set);
	assert_string_equal(e.msg, "keys: 257 keys; allowed: at most 256");
	buf_free(&text);
}

/* --- which key ----------------------------------------------------------- */

#define SECRET "0123456789abcdef0123456789abcdef"

struct set {
	EVP_PKEY *rsa, *ec, *ed;
	struct jwks *keys;
};

/* rsa "r", two ec keys "e", a secret "s", and an Ed25519 key "r". */
static struct set set_of_several(void)
{
	struct set s = {tokens_key(JWK_RS256), tokens_key(JWK_ES256),
	    tokens_key(JWK_EDDSA), NULL};
	struct buf text = {0};
	buf_str(&text, "{\"keys\":[");
	tokens_jwk(&text, s.rsa, "r", "");
	buf_str(&text, ",");
	tokens_jwk(&text, s.ec, "e", "");
	buf_str(&text, ",");
	tokens_jwk(&text, s.ec, "e", ",\"alg\":\"ES256\"");
	buf_str(&text, ",");
	tokens_secret_jwk(&text, SECRET, "s");
	buf_str(&text, ",");
	tokens_jwk(&text, s.ed, "r", "");
	buf_str(&text, ",");
	tokens_jwk(&text, s.rsa, NULL, ",\"alg\":\"PS256\"");
	buf_str(&text, "]}");
	s.keys = parsed(text.data);
	buf_free(&text);
	return s;
}

static void set_free(struct set *s)
{
	EVP_PKEY_free(s->rsa);
	EVP_PKEY_free(s->ec);
	EVP_PKEY_free(s->ed);
	jwks_release(&s->keys);
}

static const struct {
	const char *kid;
	enum jwk_alg alg;
	enum jwks_found found;
} choices[] = {
    {"r", JWK_RS256, JWKS_FOUND},
    {"r", JWK_PS256, JWKS_FOUND},
    {"r", JWK_EDDSA, JWKS_FOUND}, /* the same kid, another algorithm */
    {"r", JWK_HS256, JWKS_OTHER_ALG},
    {"r", JWK_ES256, JWKS_OTHER_ALG},
    {"e", JWK_ES256, JWKS_FOUND}, /* the second one was passed over */
    {"e", JWK_HS256, JWKS_OTHER_ALG},
    {"s", JWK_HS256, JWKS_FOUND},
    {"s", JWK_RS256, JWKS_OTHER_ALG},
    {"x", JWK_RS256, JWKS_UNKNOWN},
    {"", JWK_RS256, JWKS_UNKNOWN},
    {"R", JWK_RS256, JWKS_UNKNOWN},
    {NULL, JWK_RS256, JWKS_FOUND},
    {NULL, JWK_PS256, JWKS_AMBIGUOUS},
    {NULL, JWK_HS256, JWKS_FOUND},
};

static void chooses_by_kid_and_algorithm(void **state)
{
	(void)state;
	struct set s = set_of_several();
	assert_int_equal(jwks_count(s.keys), 5);
	assert_string_equal(jwks_passed_over(s.keys, 0),
	    "keys[2]: a key before it has the same kid and algorithm");
	for (size_t i = 0; i < sizeof choices / sizeof *choices; i++) {
		const struct jwk *k = NULL;
		assert_int_equal(
		    jwks_find(s.keys, choices[i].kid, choices[i].alg, &k),
		    choices[i].found);
		if (choices[i].found != JWKS_FOUND)
			continue;
		assert_non_null(k);
		assert_true(k->algs & 1U << choices[i].alg);
		assert_true(choices[i].kid == NULL ||
			    strcmp(k->kid, choices[i].kid) == 0);
	}
	set_free(&s);
}

/* --- files --------------------------------------------------------------- */

static void reads_files(void **state)
{
	(void)state;
	char path[] = "/tmp/sluice-jwks-XXXXXX";
	struct buf expected = {0};
	struct jwks *set;
	int fd = mkstemp(path);
	FILE *f = fdopen(fd, "w");
	assert_non_null(f);
	fputs("{\"keys\":[", f);
	fflush(f);
	struct err e = jwks_load(path, &set);
	buf_printf(&expected, "%s: line 1, column 9: ends too early", path);
	assert_string_equal(e.msg, expected.data);
	assert_null(set);
	rewind(f);
	fputs(rfc7517, f);
	fclose(f);
	assert_int_equal(jwks_load(path, &set).kind, ERR_KIND_OK);
	assert_int_equal(jwks_count(set), 1);
	jwks_release(&set);
	unlink(path);
	e = jwks_load(path, &set);
	assert_non_null(strstr(e.msg, "No such file or directory"));
	buf_free(&expected);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(reads_the_example),
	    cmocka_unit_test(says_what_is_wrong),
	    cmocka_unit_test(bounds_the_keys),
	    cmocka_unit_test(chooses_by_kid_and_algorithm),
	    cmocka_unit_test(reads_files),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
