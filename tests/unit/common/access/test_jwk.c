/* Keys: the vectors of RFC 7515, appendix A, RFC 7517 and RFC 8037, and every
 * way in which a key cannot be used. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/access/jwk.h"

#include "tests/unit/tokens.h"

/* RFC 7515, A.1.1: the payload of A.1 to A.3. */
#define PAYLOAD                                                                \
	"eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"     \
	"cGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
/* RFC 7515, A.2. */
#define RSA_N                                                                  \
	"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-"    \
	"Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6"   \
	"b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-"   \
	"KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5"  \
	"IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54"  \
	"h4FRWyuXpoQ"
/* RFC 7515, A.3. */
#define EC_X "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"
#define EC_Y "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
/* RFC 8037, A.2. */
#define ED_X "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
#define HMAC_K                                                                 \
	"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS"   \
	"4hcgUuTwjAzZr1Z9CAow"
#define RSA(more) "{\"kty\":\"RSA\",\"n\":\"" RSA_N "\",\"e\":\"AQAB\"" more "}"
#define EC(more)                                                               \
	"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" EC_X "\",\"y\":\"" EC_Y   \
	"\"" more "}"
#define OKP(more)                                                              \
	"{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"" ED_X "\"" more "}"
#define OCT(more) "{\"kty\":\"oct\",\"k\":\"" HMAC_K "\"" more "}"

static bool read_key(
    const char *text, bool secrets, struct jwk *k, char reason[JWK_REASON_MAX])
{
	json_t *v = json_loads(text, JSON_DECODE_ANY, NULL);
	assert_non_null(v);
	*reason = '\0';
	bool ok = jwk_read(v, secrets, k, reason);
	json_decref(v);
	return ok;
}

/* --- vectors ------------------------------------------------------------- */

static const struct {
	const char *key;
	enum jwk_alg alg;
	const char *text, *signature;
} vectors[] = {
    /* RFC 7515, A.1 */
    {OCT(""), JWK_HS256, "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9." PAYLOAD,
	"dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"},
    /* RFC 7515, A.2 */
    {RSA(""), JWK_RS256, "eyJhbGciOiJSUzI1NiJ9." PAYLOAD,
	"cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7"
	"AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4"
	"BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K"
	"0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqv"
	"hJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrB"
	"p0igcN_IoypGlUPQGe77Rw"},
    /* RFC 7515, A.3 */
    {EC(""), JWK_ES256, "eyJhbGciOiJFUzI1NiJ9." PAYLOAD,
	"DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSA"
	"pmWQxfKTUJqPP3-Kg6NU1Q"},
    /* RFC 8037, A.4 */
    {OKP(""), JWK_EDDSA,
	"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc",
	"hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5B"
	"hVsPt9g7sVvpAr_MuM0KAg"},
};
enum { VECTORS = sizeof vectors / sizeof *vectors };

static bool verifies(
    const struct jwk *k, enum jwk_alg alg, const char *text, const char *sig)
{
	struct buf b = {0};
	assert_true(base64url_decode(&b, sig, strlen(sig)));
	bool ok = jwk_verify(
	    k, alg, text, strlen(text), (const unsigned char *)b.data, b.len);
	buf_free(&b);
	return ok;
}

static void follows_the_vectors(void **state)
{
	(void)state;
	for (size_t i = 0; i < VECTORS; i++) {
		char reason[JWK_REASON_MAX];
		struct jwk k;
		assert_true(read_key(vectors[i].key, true, &k, reason));
		assert_true(verifies(
		    &k, vectors[i].alg, vectors[i].text, vectors[i].signature));
		assert_false(verifies(&k, vectors[i].alg, vectors[i].text + 1,
		    vectors[i].signature));
		jwk_free(&k);
	}
}

/* A key never verifies with an algorithm that it is not for. */
static void is_bound_to_its_algorithm(void **state)
{
	(void)state;
	for (size_t i = 0; i < VECTORS; i++) {
		char reason[JWK_REASON_MAX];
		struct jwk k;
		assert_true(read_key(vectors[i].key, true, &k, reason));
		for (int alg = 0; alg < JWK_ALGS; alg++) {
			bool ok = verifies(&k, (enum jwk_alg)alg,
			    vectors[i].text, vectors[i].signature);
			assert_int_equal(ok, alg == (int)vectors[i].alg);
		}
		jwk_free(&k);
	}
}

/* Any bit of a signature, and any length. */
static void refuses_other_signatures(void **state)
{
	(void)state;
	for (size_t i = 0; i < VECTORS; i++) {
		const char *text = vectors[i].text;
		char reason[JWK_REASON_MAX];
		struct buf b = {0};
		struct jwk k;
		assert_true(read_key(vectors[i].key, true, &k, reason));
		assert_true(base64url_decode(
		    &b, vectors[i].signature, strlen(vectors[i].signature)));
		for (size_t bit = 0; bit < b.len * 8; bit += 7) {
			b.data[bit / 8] ^= (char)(1 << bit % 8);
			assert_false(
			    jwk_verify(&k, vectors[i].alg, text, strlen(text),
				(const unsigned char *)b.data, b.len));
			b.data[bit / 8] ^= (char)(1 << bit % 8);
		}
		for (size_t len = 0; len < b.len; len++)
			assert_false(jwk_verify(&k, vectors[i].alg, text,
			    strlen(text), (const unsigned char *)b.data, len));
		buf_char(&b, 0);
		assert_false(jwk_verify(&k, vectors[i].alg, text, strlen(text),
		    (const unsigned char *)b.data, b.len));
		buf_free(&b);
		jwk_free(&k);
	}
}

/* r = s = 0 is no signature of anything; nor is DER one of JWS. */
static void refuses_odd_ecdsa(void **state)
{
	(void)state;
	static const unsigned char zeros[64];
	char reason[JWK_REASON_MAX];
	unsigned char der[80];
	size_t len = sizeof der;
	EVP_PKEY *key = tokens_key(JWK_ES256);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	struct buf text = {0};
	struct jwk k;
	tokens_jwk(&text, key, NULL, "");
	assert_true(read_key(text.data, false, &k, reason));
	assert_false(jwk_verify(&k, JWK_ES256, "x", 1, zeros, 64));
	assert_int_equal(
	    EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key), 1);
	assert_int_equal(
	    EVP_DigestSign(ctx, der, &len, (const unsigned char *)"x", 1), 1);
	assert_false(jwk_verify(&k, JWK_ES256, "x", 1, der, len));
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
	buf_free(&text);
	jwk_free(&k);
}

/* PS256 with another length of the salt, which RFC 7518, 3.5 forbids. */
static void refuses_other_salts(void **state)
{
	(void)state;
	char reason[JWK_REASON_MAX];
	unsigned char sig[512];
	size_t len = sizeof sig;
	EVP_PKEY *key = tokens_key(JWK_PS256);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *pctx;
	struct buf text = {0};
	struct jwk k;
	tokens_jwk(&text, key, NULL, ",\"alg\":\"PS256\"");
	assert_true(read_key(text.data, false, &k, reason));
	assert_int_equal(k.algs, 1U << JWK_PS256);
	assert_int_equal(
	    EVP_DigestSignInit(ctx, &pctx, EVP_sha256(), NULL, key), 1);
	EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING);
	EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, 20);
	assert_int_equal(
	    EVP_DigestSign(ctx, sig, &len, (const unsigned char *)"x", 1), 1);
	assert_false(jwk_verify(&k, JWK_PS256, "x", 1, sig, len));
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
	buf_free(&text);
	jwk_free(&k);
}

/* --- keys ---------------------------------------------------------------- */

#define ALG_OF(id) (1U << JWK_##id)

static const struct {
	const char *text;
	unsigned algs;
} usable[] = {
    {RSA(""), ALG_OF(RS256) | ALG_OF(PS256)},
    {RSA(",\"alg\":\"RS256\""), ALG_OF(RS256)},
    {RSA(",\"alg\":\"PS256\",\"use\":\"sig\""), ALG_OF(PS256)},
    {RSA(",\"key_ops\":[\"sign\",\"verify\"],\"x5c\":[\"x\"]"),
	ALG_OF(RS256) | ALG_OF(PS256)},
    {EC(""), ALG_OF(ES256)},
    {EC(",\"alg\":\"ES256\",\"kid\":\"\""), ALG_OF(ES256)},
    {OKP(",\"alg\":\"EdDSA\""), ALG_OF(EDDSA)},
    {OKP(",\"alg\":\"Ed25519\""), ALG_OF(EDDSA)},
    {OCT(",\"alg\":\"HS256\""), ALG_OF(HS256)},
};

static void reads_keys(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof usable / sizeof *usable; i++) {
		char reason[JWK_REASON_MAX];
		struct jwk k;
		assert_true(read_key(usable[i].text, true, &k, reason));
		assert_int_equal(k.algs, usable[i].algs);
		assert_true((k.key != NULL) != (k.secret != NULL));
		jwk_free(&k);
	}
}

#define ZEROS32 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

static const struct {
	const char *text, *reason;
} unusable[] = {
    {"7", "must be an object"},
    {"{}", "its kty is not RSA, EC, OKP or oct"},
    {"{\"kty\":7}", "its kty is not RSA, EC, OKP or oct"},
    {"{\"kty\":\"rsa\"}", "its kty is not RSA, EC, OKP or oct"},
    {RSA(",\"use\":\"enc\""), "its use is not sig"},
    {RSA(",\"use\":null"), "its use is not sig"},
    {RSA(",\"key_ops\":[\"sign\"]"), "its key_ops do not contain verify"},
    {RSA(",\"key_ops\":\"verify\""), "its key_ops do not contain verify"},
    {RSA(",\"alg\":\"RS384\""), "its alg is not RS256"},
    {RSA(",\"alg\":\"RSA-OAEP\""), "its alg is not RS256"},
    {RSA(",\"alg\":null"), "its alg is not RS256"},
    {RSA(",\"alg\":\"none\""), "its alg is not RS256"},
    {RSA(",\"alg\":\"HS256\""), "its alg does not go with its kty"},
    {RSA(",\"alg\":\"ES256\""), "its alg does not go with its kty"},
    {OCT(",\"alg\":\"RS256\""), "its alg does not go with its kty"},
    {EC(",\"alg\":\"EdDSA\""), "its alg does not go with its kty"},
    {RSA(",\"kid\":7"), "its kid is not a string"},
    {RSA(",\"d\":\"AQAB\""), "it is a private key"},
    {EC(",\"d\":\"AQAB\""), "it is a private key"},
    {OKP(",\"d\":\"AQAB\""), "it is a private key"},
    {"{\"kty\":\"RSA\",\"e\":\"AQAB\"}", "an RSA key needs n and e"},
    {"{\"kty\":\"RSA\",\"n\":\"" RSA_N "\"}", "an RSA key needs n and e"},
    {"{\"kty\":\"RSA\",\"n\":\"" RSA_N "=\",\"e\":\"AQAB\"}",
	"an RSA key needs n and e"},
    {"{\"kty\":\"RSA\",\"n\":\"\",\"e\":\"AQAB\"}", "an RSA key of 0 bits"},
    {"{\"kty\":\"RSA\",\"n\":\"" RSA_N RSA_N RSA_N RSA_N RSA_N
     "\",\"e\":\"AQAB\"}",
	"an RSA key of "},
    {"{\"kty\":\"RSA\",\"n\":\"" RSA_N "\",\"e\":\"AQ\"}",
	"the exponent e is not"},
    {"{\"kty\":\"RSA\",\"n\":\"" RSA_N "\",\"e\":\"\"}",
	"the exponent e is not"},
    {"{\"kty\":\"RSA\",\"n\":\"" RSA_N "\",\"e\":\"Ag\"}",
	"the exponent e is not"},
    {"{\"kty\":\"RSA\",\"n\":\"" RSA_N "\",\"e\":\"AQAAAAAAAAAB\"}",
	"the exponent e is not"},
    {"{\"kty\":\"EC\"}", "an EC key must have the crv P-256"},
    {"{\"kty\":\"EC\",\"crv\":\"P-384\"}", "an EC key must have the crv"},
    {"{\"kty\":\"EC\",\"crv\":\"secp256k1\"}", "an EC key must have the crv"},
    {"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" EC_X "\"}",
	"an EC key needs x and y of 32 bytes"},
    {"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AQ\",\"y\":\"" EC_Y "\"}",
	"an EC key needs x and y of 32 bytes"},
    /* Invalid curves: (0, 0), and a point beside the curve. */
    {"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" ZEROS32 "\",\"y\":\"" ZEROS32
     "\"}",
	"x and y are no point of P-256"},
    {"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" EC_Y "\",\"y\":\"" EC_X "\"}",
	"x and y are no point of P-256"},
    {"{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"" ED_X "\"}",
	"an OKP key must have the crv Ed25519"},
    {"{\"kty\":\"OKP\",\"crv\":\"Ed448\",\"x\":\"" ED_X "\"}",
	"an OKP key must have the crv Ed25519"},
    {"{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AQ\"}",
	"an Ed25519 key needs x of 32 bytes"},
    {"{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"" ZEROS32 "\"}",
	"an Ed25519 key needs x"},
    {"{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AQ"
     "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}",
	"an Ed25519 key needs x"},
    {"{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\""
     "7P________________________________________8\"}",
	"an Ed25519 key needs x"},
    {"{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\""
     "JuiVj8KyJ7BFw_SJ8u-Y8NXfrAXTxjM5sTgCiG1T_AU\"}",
	"an Ed25519 key needs x"},
    {"{\"kty\":\"oct\"}", "a secret needs k of at least 32 bytes"},
    /* RFC 7517, A.3 */
    {"{\"kty\":\"oct\",\"k\":\"GawgguFyGrWKav7AX4VKUg\"}",
	"a secret needs k of at least 32 bytes"},
};

static void says_why_not(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof unusable / sizeof *unusable; i++) {
		char reason[JWK_REASON_MAX];
		struct jwk k;
		assert_false(read_key(unusable[i].text, true, &k, reason));
		if (strncmp(reason, unusable[i].reason,
			strlen(unusable[i].reason)) != 0)
			fail_msg("%s: '%s'", unusable[i].text, reason);
		jwk_free(&k);
	}
}

static void bounds_rsa_keys(void **state)
{
	(void)state;
	static const unsigned weak[] = {512, 1024, 2040};
	for (size_t i = 0; i < 3; i++) {
		char reason[JWK_REASON_MAX];
		EVP_PKEY *key = EVP_RSA_gen(weak[i]);
		struct buf text = {0}, expected = {0};
		struct jwk k;
		tokens_jwk(&text, key, "weak", "");
		assert_false(read_key(text.data, true, &k, reason));
		buf_printf(&expected,
		    "an RSA key of %u bits; allowed: 2048 to 8192 bits",
		    weak[i]);
		assert_string_equal(reason, expected.data);
		jwk_free(&k);
		EVP_PKEY_free(key);
		buf_free(&text);
		buf_free(&expected);
	}
}

static void refuses_published_secrets(void **state)
{
	(void)state;
	char reason[JWK_REASON_MAX];
	struct jwk k;
	assert_false(read_key(OCT(""), false, &k, reason));
	assert_non_null(strstr(reason, "a secret that a server publishes"));
	jwk_free(&k);
}

static void knows_algorithms(void **state)
{
	(void)state;
	static const char *const unknown[] = {"none", "None", "", "rs256",
	    "RS384", "RS512", "HS384", "HS512", "ES384", "ES512", "ES256K",
	    "PS384", "Ed448", "dir", "RSA-OAEP", "RS256 "};
	enum jwk_alg alg;
	for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++)
		assert_false(jwk_alg_parse(unknown[i], &alg));
	assert_true(jwk_alg_parse("Ed25519", &alg));
	assert_int_equal(alg, JWK_EDDSA);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(follows_the_vectors),
	    cmocka_unit_test(is_bound_to_its_algorithm),
	    cmocka_unit_test(refuses_other_signatures),
	    cmocka_unit_test(refuses_odd_ecdsa),
	    cmocka_unit_test(refuses_other_salts),
	    cmocka_unit_test(reads_keys),
	    cmocka_unit_test(says_why_not),
	    cmocka_unit_test(bounds_rsa_keys),
	    cmocka_unit_test(refuses_published_secrets),
	    cmocka_unit_test(knows_algorithms),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
