/* Tokens: the vectors of RFC 7515 and RFC 8037, the attacks of RFC 8725, each
 * refused by its own fault, claims of every shape, and clocks at both edges. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/access/jwt.h"

#include "tests/unit/tokens.h"

#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>

#define NOW 1700000000
#define SECRET "0123456789abcdef0123456789abcdef"

static const struct jwt_policy policy = {"https://id", "sluice", CLOCK_S(30)};
static EVP_PKEY *rsa, *ec, *ed, *foreign;
static struct jwks *keys;

static int make_keys(void **state)
{
	(void)state;
	struct buf text = {0};
	rsa = tokens_key(JWK_RS256);
	ec = tokens_key(JWK_ES256);
	ed = tokens_key(JWK_EDDSA);
	foreign = tokens_key(JWK_RS256);
	buf_str(&text, "{\"keys\":[");
	tokens_jwk(&text, rsa, "r", "");
	buf_str(&text, ",");
	tokens_jwk(&text, ec, "e", "");
	buf_str(&text, ",");
	tokens_jwk(&text, ed, "d", "");
	buf_str(&text, ",");
	tokens_secret_jwk(&text, SECRET, "s");
	buf_str(&text, "]}");
	struct err e = jwks_parse(text.data, text.len, true, &keys);
	buf_free(&text);
	return e.kind == ERR_KIND_OK ? 0 : -1;
}

static int free_keys(void **state)
{
	(void)state;
	EVP_PKEY_free(rsa);
	EVP_PKEY_free(ec);
	EVP_PKEY_free(ed);
	EVP_PKEY_free(foreign);
	jwks_release(&keys);
	return 0;
}

static enum jwt_fault verify_at(const char *token, wall_us_t now)
{
	struct jwt t;
	/* Of just its length: who reads past it is found. */
	size_t len = strlen(token);
	char *exact = malloc(len ? len : 1);
	memcpy(exact, token, len);
	enum jwt_fault fault = jwt_verify(exact, len, keys, &policy, now, &t);
	free(exact);
	assert_int_equal(t.claims != NULL, fault == JWT_OK);
	jwt_free(&t);
	return fault;
}

static const char *name_of(enum jwt_fault fault)
{
	return fault == JWT_OK ? "" : jwt_fault_name(fault);
}

static void gives(const char *token, const char *name)
{
	const char *found = name_of(verify_at(token, CLOCK_S(NOW)));
	if (strcmp(found, name) != 0)
		fail_msg("%s: '%s', not '%s'", token, found, name);
}

/* Takes the token. */
static void sent_gives(char *token, const char *name)
{
	gives(token, name);
	free(token);
}

#define CLAIMS                                                                 \
	"{\"iss\":\"https://id\",\"aud\":\"sluice\",\"sub\":\"ada\","          \
	"\"exp\":1700000100,\"nbf\":1699999900,\"iat\":1699999900}"
#define HEAD(alg, kid, more) "{\"alg\":\"" alg "\",\"kid\":\"" kid "\"" more "}"

/* --- good ones ----------------------------------------------------------- */

static void takes_each_algorithm(void **state)
{
	(void)state;
	sent_gives(
	    tokens_sign(rsa, JWK_RS256, HEAD("RS256", "r", ""), CLAIMS), "");
	sent_gives(
	    tokens_sign(rsa, JWK_PS256, HEAD("PS256", "r", ""), CLAIMS), "");
	sent_gives(
	    tokens_sign(ec, JWK_ES256, HEAD("ES256", "e", ""), CLAIMS), "");
	sent_gives(
	    tokens_sign(ed, JWK_EDDSA, HEAD("EdDSA", "d", ""), CLAIMS), "");
	sent_gives(
	    tokens_sign(ed, JWK_EDDSA, HEAD("Ed25519", "d", ""), CLAIMS), "");
	sent_gives(
	    tokens_hmac(SECRET, strlen(SECRET), HEAD("HS256", "s", ""), CLAIMS),
	    "");
	/* Without a kid: there is only one key for the algorithm. */
	sent_gives(
	    tokens_sign(ec, JWK_ES256, "{\"alg\":\"ES256\"}", CLAIMS), "");
}

static void says_who_and_until_when(void **state)
{
	(void)state;
	struct jwt t;
	char *token =
	    tokens_sign(ed, JWK_EDDSA, HEAD("EdDSA", "d", ""), CLAIMS);
	assert_int_equal(
	    jwt_verify(token, strlen(token), keys, &policy, CLOCK_S(NOW), &t),
	    JWT_OK);
	assert_string_equal(
	    json_string_value(json_object_get(t.claims, "sub")), "ada");
	assert_int_equal(t.expires, CLOCK_S(NOW + 100 + 30));
	jwt_free(&t);
	free(token);
}

static const struct {
	const char *typ, *name;
} typs[] = {
    {"\"JWT\"", ""},
    {"\"jwt\"", ""},
    {"\"at+jwt\"", ""},
    {"\"AT+JWT\"", ""},
    {"\"application/at+jwt\"", ""},
    {"\"Application/JWT\"", ""},
    {"\"application/\"", "typ"},
    {"\"application/application/jwt\"", "typ"},
    {"\"dpop+jwt\"", "typ"},
    {"\"logout+jwt\"", "typ"},
    {"\"JWT \"", "typ"},
    {"\"\"", "typ"},
    {"null", "typ"},
    {"[\"JWT\"]", "typ"},
};

static void looks_at_the_type(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof typs / sizeof *typs; i++) {
		char head[128];
		snprintf(head, sizeof head,
		    "{\"typ\":%s,\"alg\":\"EdDSA\",\"kid\":\"d\"}",
		    typs[i].typ);
		sent_gives(
		    tokens_sign(ed, JWK_EDDSA, head, CLAIMS), typs[i].name);
	}
}

/* --- vectors ------------------------------------------------------------- */

#define RFC_PAYLOAD                                                            \
	"eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"     \
	"cGxlLmNvbS9pc19yb290Ijp0cnVlfQ"

/* The examples have no audience. Every one that we could verify is refused for
 * that, after its signature was found right. */
static const struct {
	const char *key, *token, *name;
} rfc_tokens[] = {
    /* RFC 7515, A.1 */
    {"{\"kty\":\"oct\",\"k\":\"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1q"
     "S0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow\"}",
	"eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9." RFC_PAYLOAD
	".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
	"audience"},
    /* RFC 7515, A.2 */
    {"{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAk"
     "d_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-S"
     "Fd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSH"
     "SXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb"
     "3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91"
     "kzk2PAcDTW9gb54h4FRWyuXpoQ\"}",
	"eyJhbGciOiJSUzI1NiJ9." RFC_PAYLOAD
	".cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7"
	"AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4"
	"BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K"
	"0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqv"
	"hJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrB"
	"p0igcN_IoypGlUPQGe77Rw",
	"audience"},
    /* RFC 7515, A.3 */
    {"{\"kty\":\"EC\",\"crv\":\"P-256\","
     "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
     "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}",
	"eyJhbGciOiJFUzI1NiJ9." RFC_PAYLOAD
	".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSA"
	"pmWQxfKTUJqPP3-Kg6NU1Q",
	"audience"},
    /* RFC 7515, A.4: ES512 is not offered. */
    {"{\"kty\":\"EC\",\"crv\":\"P-256\","
     "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
     "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}",
	"eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA."
	"AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZq"
	"wqT2SI-KGDKB34XO0aw_7XdtAG8GaSwFKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8Kp"
	"EHwJjyqOgzDO7iKvU8vcnwNrmxYbSW9ERBXukOXolLzeO_Jn",
	"alg-unknown"},
    /* RFC 7515, A.5 */
    {"{\"kty\":\"EC\",\"crv\":\"P-256\","
     "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
     "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}",
	"eyJhbGciOiJub25lIn0." RFC_PAYLOAD ".", "alg-none"},
    /* RFC 8037, A.4: its payload is a sentence. */
    {"{\"kty\":\"OKP\",\"crv\":\"Ed25519\","
     "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}",
	"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc."
	"hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5B"
	"hVsPt9g7sVvpAr_MuM0KAg",
	"payload"},
};

static void follows_the_vectors(void **state)
{
	(void)state;
	static const struct jwt_policy joe = {"joe", "sluice", 0};
	for (size_t i = 0; i < sizeof rfc_tokens / sizeof *rfc_tokens; i++) {
		const char *token = rfc_tokens[i].token;
		struct buf text = {0};
		struct jwks *set;
		struct jwt t;
		buf_printf(&text, "{\"keys\":[%s]}", rfc_tokens[i].key);
		assert_int_equal(
		    jwks_parse(text.data, text.len, true, &set).kind,
		    ERR_KIND_OK);
		enum jwt_fault fault = jwt_verify(
		    token, strlen(token), set, &joe, CLOCK_S(1300819000), &t);
		assert_string_equal(name_of(fault), rfc_tokens[i].name);
		jwks_release(&set);
		buf_free(&text);
	}
}

/* --- attacks ------------------------------------------------------------- */

/* Headers that a key of ours signs; `d` is Ed25519. */
static const struct {
	const char *header, *name;
} headers[] = {
    {"{}", "header"},
    {"{\"alg\":null}", "header"},
    {"{\"alg\":[\"EdDSA\"],\"kid\":\"d\"}", "header"},
    {"{\"alg\":\"EdDSA\",\"kid\":7}", "header"},
    {"[]", "header"},
    {"\"EdDSA\"", "header"},
    {"", "header"},
    {"{\"alg\":\"EdDSA\"}}", "header"},
    {HEAD("none", "d", ""), "alg-none"},
    {HEAD("None", "d", ""), "alg-none"},
    {HEAD("nOnE", "d", ""), "alg-none"},
    {HEAD("", "d", ""), "alg-unknown"},
    {HEAD("eddsa", "d", ""), "alg-unknown"},
    {HEAD("HS512", "s", ""), "alg-unknown"},
    {HEAD("ES256K", "e", ""), "alg-unknown"},
    {HEAD("EdDSA\\u0020", "d", ""), "alg-unknown"},
    {"{\"alg\":\"EdDSA\",\"alg\":\"none\",\"kid\":\"d\"}", "duplicate-member"},
    {HEAD("EdDSA", "d", ",\"kid\":\"d\""), "duplicate-member"},
    {HEAD("EdDSA", "d", ",\"x\":{\"y\":1,\"\\u0079\":2}"), "duplicate-member"},
    {HEAD("EdDSA", "d", ",\"crit\":[\"exp\"]"), "crit"},
    {HEAD("EdDSA", "d", ",\"crit\":[\"b64\"],\"b64\":true"), "crit"},
    {HEAD("EdDSA", "d", ",\"crit\":[]"), "crit"},
    {HEAD("EdDSA", "d", ",\"crit\":null"), "crit"},
    {HEAD("EdDSA", "d", ",\"b64\":false"), "unencoded-payload"},
    {HEAD("EdDSA", "d", ",\"jwk\":{\"kty\":\"OKP\"}"), "embedded-key"},
    {HEAD("EdDSA", "d", ",\"jku\":\"https://evil/\""), "embedded-key"},
    {HEAD("EdDSA", "d", ",\"x5u\":\"https://evil/\""), "embedded-key"},
    {HEAD("EdDSA", "d", ",\"x5c\":[]"), "embedded-key"},
    {HEAD("EdDSA", "x", ""), "key-unknown"},
    {HEAD("EdDSA", "", ""), "key-unknown"},
    {HEAD("EdDSA", "../../dev/null", ""), "key-unknown"},
    {HEAD("EdDSA", "d' OR '1'='1", ""), "key-unknown"},
    {HEAD("EdDSA", "r", ""), "key-other-alg"},
    {HEAD("RS256", "d", ""), "key-other-alg"},
    {HEAD("HS256", "d", ""), "key-other-alg"},
    {HEAD("PS256", "r", ""), "signature"},
    {HEAD("ES256", "e", ""), "signature"},
    {HEAD("HS256", "s", ""), "signature"},
    {HEAD("EdDSA", "d", ",\"x5t\":\"x\",\"nonce\":1"), ""},
};

static void refuses_headers(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof headers / sizeof *headers; i++)
		sent_gives(
		    tokens_sign(ed, JWK_EDDSA, headers[i].header, CLAIMS),
		    headers[i].name);
}

/* The public key as the secret of an HMAC, in each form that is known to have
 * worked somewhere: PEM, DER, the modulus, the JWK. */
static void refuses_confused_keys(void **state)
{
	(void)state;
	struct buf jwk = {0};
	unsigned char *der = NULL;
	BIO *pem = BIO_new(BIO_s_mem());
	char *text;
	int len = i2d_PUBKEY(rsa, &der);
	assert_int_equal(PEM_write_bio_PUBKEY(pem, rsa), 1);
	size_t pem_len = (size_t)BIO_get_mem_data(pem, &text);
	tokens_jwk(&jwk, rsa, "r", "");
	const struct {
		const void *s;
		size_t len;
	} secrets[] = {
	    {der, (size_t)len}, {text, pem_len}, {jwk.data, jwk.len}, {"", 0}};
	for (size_t i = 0; i < 4; i++) {
		sent_gives(tokens_hmac(secrets[i].s, secrets[i].len,
			       HEAD("HS256", "r", ""), CLAIMS),
		    "key-other-alg");
		sent_gives(tokens_hmac(secrets[i].s, secrets[i].len,
			       HEAD("RS256", "r", ""), CLAIMS),
		    "signature");
		sent_gives(tokens_hmac(secrets[i].s, secrets[i].len,
			       "{\"alg\":\"HS256\"}", CLAIMS),
		    "signature");
	}
	OPENSSL_free(der);
	BIO_free(pem);
	buf_free(&jwk);
}

static void refuses_foreign_signatures(void **state)
{
	(void)state;
	sent_gives(
	    tokens_sign(foreign, JWK_RS256, HEAD("RS256", "r", ""), CLAIMS),
	    "signature");
	/* The same key, but the other padding. */
	sent_gives(tokens_sign(rsa, JWK_PS256, HEAD("RS256", "r", ""), CLAIMS),
	    "signature");
	sent_gives(tokens_sign(rsa, JWK_RS256, HEAD("PS256", "r", ""), CLAIMS),
	    "signature");
}

static void refuses_changed_tokens(void **state)
{
	(void)state;
	char *token =
	    tokens_sign(ed, JWK_EDDSA, HEAD("EdDSA", "d", ""), CLAIMS);
	for (size_t i = 0; token[i]; i++) {
		char was = token[i];
		token[i] = was == 'A' ? 'B' : 'A';
		assert_int_not_equal(verify_at(token, CLOCK_S(NOW)), JWT_OK);
		token[i] = was;
	}
	gives(token, "");
	free(token);
}

/* What others decode leniently. */
static void refuses_other_spellings(void **state)
{
	(void)state;
	char *token =
	    tokens_sign(ed, JWK_EDDSA, HEAD("EdDSA", "d", ""), CLAIMS);
	struct buf b = {0};
	static const char *const tails[] = {
	    "=", "==", "\n", " ", "%", "+", "\xc3"};
	for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
		buf_clear(&b);
		buf_printf(&b, "%s%s", token, tails[i]);
		gives(b.data, "encoding");
		buf_clear(&b);
		buf_printf(&b, "%s%s", tails[i], token);
		gives(b.data, "encoding");
	}
	buf_free(&b);
	free(token);
}

static const struct {
	const char *token, *name;
} shapes[] = {
    {"", "parts"},
    {"abc", "parts"},
    {".", "parts"},
    {"e30.e30", "parts"},
    {"e30.e30.e30.e30", "parts"},
    {"e30.e30.e30.e30.e30", "parts"}, /* JWE */
    {"..", "header"},
    {".e30.", "header"},
    {"e30..", "header"},
    {"e30.e30.", "header"},
    {"!.e30.e30", "encoding"},
    {"e30=.e30.e30", "encoding"},
};

static void refuses_shapes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
		gives(shapes[i].token, shapes[i].name);
	/* 8 KiB of dots. */
	char dots[JWT_LENGTH_MOST + 1];
	memset(dots, '.', sizeof dots);
	dots[JWT_LENGTH_MOST] = '\0';
	gives(dots, "parts");
}

/* A claim of such a length that the token has 8192 characters. */
static void bounds_the_length(void **state)
{
	(void)state;
	char pad[JWT_LENGTH_MOST];
	struct buf claims = {0};
	size_t longest = 0;
	memset(pad, 'x', sizeof pad);
	for (size_t n = 5900; n < 6000; n++) {
		buf_clear(&claims);
		buf_printf(&claims,
		    "{\"iss\":\"https://id\",\"aud\":\"sluice\","
		    "\"exp\":1700000100,\"x\":\"%.*s\"}",
		    (int)n, pad);
		char *token = tokens_sign(
		    ed, JWK_EDDSA, HEAD("EdDSA", "d", ""), claims.data);
		size_t len = strlen(token);
		gives(token, len > JWT_LENGTH_MOST ? "too-long" : "");
		if (len <= JWT_LENGTH_MOST)
			longest = len;
		free(token);
	}
	assert_true(longest >= JWT_LENGTH_MOST - 1);
	buf_free(&claims);
}

/* --- claims -------------------------------------------------------------- */

#define TO "\"iss\":\"https://id\",\"aud\":\"sluice\""
#define UNTIL ",\"exp\":1700000100"

static const struct {
	const char *claims, *name;
} payloads[] = {
    {"", "payload"},
    {"[]", "payload"},
    {"null", "payload"},
    {"{" TO UNTIL "} x", "payload"},
    {"{" TO UNTIL ",\"x\":\"\\u0000\"}", "payload"},
    {"{" TO UNTIL ",\"exp\":1700000100}", "duplicate-member"},
    {"{" TO UNTIL ",\"sub\":\"a\",\"\\u0073ub\":\"b\"}", "duplicate-member"},
    {"{" TO UNTIL ",\"a\":{\"b\":[{\"c\":1,\"c\":1}]}}", "duplicate-member"},
    {"{" TO UNTIL "}", ""},
    {"{" TO "}", "exp-missing"},
    {"{" TO ",\"exp\":null}", "claim"},
    {"{" TO ",\"exp\":\"1700000100\"}", "claim"},
    {"{" TO ",\"exp\":true}", "claim"},
    {"{" TO ",\"exp\":[1700000100]}", "claim"},
    {"{" TO ",\"exp\":-1}", "claim"},
    {"{" TO ",\"exp\":253402300799}", ""},
    {"{" TO ",\"exp\":253402300800}", "claim"},
    {"{" TO ",\"exp\":9223372036854775807}", "claim"},
    {"{" TO ",\"exp\":1e300}", "claim"},
    {"{" TO ",\"exp\":1e999}", "payload"},
    {"{" TO ",\"exp\":1700000100.5}", ""},
    {"{" TO ",\"exp\":1.7000001e9}", ""},
    {"{" TO ",\"exp\":0}", "expired"},
    {"{" TO UNTIL ",\"nbf\":\"0\"}", "claim"},
    {"{" TO UNTIL ",\"nbf\":0}", ""},
    {"{" TO UNTIL ",\"iat\":\"0\"}", "claim"},
    {"{" TO UNTIL ",\"iat\":-5}", "claim"},
    {"{" TO UNTIL ",\"sub\":7}", "claim"},
    {"{" TO UNTIL ",\"sub\":null}", "claim"},
    {"{\"aud\":\"sluice\"" UNTIL "}", "issuer"},
    {"{\"iss\":\"https://id/\",\"aud\":\"sluice\"" UNTIL "}", "issuer"},
    {"{\"iss\":\"HTTPS://id\",\"aud\":\"sluice\"" UNTIL "}", "issuer"},
    {"{\"iss\":[\"https://id\"],\"aud\":\"sluice\"" UNTIL "}", "claim"},
    {"{\"iss\":\"https://id\"" UNTIL "}", "audience"},
    {"{\"iss\":\"https://id\",\"aud\":\"Sluice\"" UNTIL "}", "audience"},
    {"{\"iss\":\"https://id\",\"aud\":\"sluice2\"" UNTIL "}", "audience"},
    {"{\"iss\":\"https://id\",\"aud\":\"other sluice\"" UNTIL "}", "audience"},
    {"{\"iss\":\"https://id\",\"aud\":[]" UNTIL "}", "audience"},
    {"{\"iss\":\"https://id\",\"aud\":[\"other\"]" UNTIL "}", "audience"},
    {"{\"iss\":\"https://id\",\"aud\":[\"other\",\"sluice\"]" UNTIL "}", ""},
    {"{\"iss\":\"https://id\",\"aud\":[\"sluice\",7]" UNTIL "}", "claim"},
    {"{\"iss\":\"https://id\",\"aud\":[[\"sluice\"]]" UNTIL "}", "claim"},
    {"{\"iss\":\"https://id\",\"aud\":{\"sluice\":1}" UNTIL "}", "claim"},
    {"{\"iss\":\"https://id\",\"aud\":null" UNTIL "}", "claim"},
};

static void judges_claims(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof payloads / sizeof *payloads; i++)
		sent_gives(tokens_sign(ed, JWK_EDDSA, HEAD("EdDSA", "d", ""),
			       payloads[i].claims),
		    payloads[i].name);
}

/* To the microsecond, with a leeway of 30 s. */
static const struct {
	const char *claims;
	wall_us_t now;
	const char *name;
} edges[] = {
    {"{" TO ",\"exp\":1000}", CLOCK_S(1030) - 1, ""},
    {"{" TO ",\"exp\":1000}", CLOCK_S(1030), "expired"},
    {"{" TO ",\"exp\":1000}", CLOCK_S(1030) + 1, "expired"},
    {"{" TO ",\"exp\":1000.5}", CLOCK_S(1030) + 499999, ""},
    {"{" TO ",\"exp\":1000.5}", CLOCK_S(1030) + 500000, "expired"},
    {"{" TO ",\"exp\":2000,\"nbf\":1000}", CLOCK_S(970) - 1, "not-yet-valid"},
    {"{" TO ",\"exp\":2000,\"nbf\":1000}", CLOCK_S(970), ""},
    {"{" TO ",\"exp\":2000,\"iat\":1000}", CLOCK_S(970) - 1,
	"issued-in-future"},
    {"{" TO ",\"exp\":2000,\"iat\":1000}", CLOCK_S(970), ""},
};

static void keeps_to_the_clock(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof edges / sizeof *edges; i++) {
		char *token = tokens_sign(
		    ed, JWK_EDDSA, HEAD("EdDSA", "d", ""), edges[i].claims);
		assert_string_equal(
		    name_of(verify_at(token, edges[i].now)), edges[i].name);
		free(token);
	}
}

/* A challenge quotes the sentence (RFC 6750, 3). */
static void has_quotable_sentences(void **state)
{
	(void)state;
	for (int f = JWT_OK + 1; f < JWT_FAULTS; f++) {
		const char *s = jwt_fault_text((enum jwt_fault)f);
		assert_true(strlen(s) > 10 && s[strlen(s) - 1] == '.');
		for (; *s; s++)
			assert_true(
			    *s >= 0x20 && *s < 0x7f && *s != '"' && *s != '\\');
		for (int other = JWT_OK + 1; other < f; other++)
			assert_string_not_equal(
			    jwt_fault_name((enum jwt_fault)f),
			    jwt_fault_name((enum jwt_fault)other));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(takes_each_algorithm),
	    cmocka_unit_test(says_who_and_until_when),
	    cmocka_unit_test(looks_at_the_type),
	    cmocka_unit_test(follows_the_vectors),
	    cmocka_unit_test(refuses_headers),
	    cmocka_unit_test(refuses_confused_keys),
	    cmocka_unit_test(refuses_foreign_signatures),
	    cmocka_unit_test(refuses_changed_tokens),
	    cmocka_unit_test(refuses_other_spellings),
	    cmocka_unit_test(refuses_shapes),
	    cmocka_unit_test(bounds_the_length),
	    cmocka_unit_test(judges_claims),
	    cmocka_unit_test(keeps_to_the_clock),
	    cmocka_unit_test(has_quotable_sentences),
	};
	return cmocka_run_group_tests(tests, make_keys, free_keys);
}
