/* OpenSSL keeps errors in a queue of the thread. libpq and libcurl read that
 * queue, too. So each function here leaves it empty.
 */
#include "common/access/jwk.h"

#include "common/access/base64url.h"
#include "common/base/check.h"
#include "common/base/mem.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ALG(id) (1U << JWK_##id)

enum { P256_BYTES = 32, ED25519_BYTES = 32, SHA256_BYTES = 32 };
enum { KID_MOST = 256, EXPONENT_BITS_MOST = 64 };

static const struct {
	const char *name;
	enum jwk_alg alg;
} alg_names[] = {
    {"RS256", JWK_RS256},
    {"PS256", JWK_PS256},
    {"ES256", JWK_ES256},
    {"EdDSA", JWK_EDDSA},
    {"Ed25519", JWK_EDDSA},
    {"HS256", JWK_HS256},
};

bool jwk_alg_parse(const char *name, enum jwk_alg *out)
{
	for (size_t i = 0; i < sizeof alg_names / sizeof *alg_names; i++) {
		if (strcmp(alg_names[i].name, name) != 0)
			continue;
		*out = alg_names[i].alg;
		return true;
	}
	return false;
}

/* --- members ------------------------------------------------------------- */

static const char *string_of(const json_t *v, const char *name)
{
	return json_string_value(json_object_get(v, name));
}

/* Appends the bytes of a member that is base64url. */
static bool bytes_of(const json_t *v, const char *name, struct buf *out)
{
	const json_t *text = json_object_get(v, name);
	return json_is_string(text) &&
	       base64url_decode(
		   out, json_string_value(text), json_string_length(text));
}

static bool refused(char reason[JWK_REASON_MAX], const char *text)
{
	snprintf(reason, JWK_REASON_MAX, "%s", text);
	return false;
}

/* --- kinds --------------------------------------------------------------- */

static EVP_PKEY *key_from(const char *type, OSSL_PARAM_BLD *b)
{
	EVP_PKEY *key = NULL;
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(b);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	CHECK(params && ctx);
	if (EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	OSSL_PARAM_free(params);
	return key;
}

static EVP_PKEY *rsa_key(const BIGNUM *n, const BIGNUM *e)
{
	OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
	CHECK(b && OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
	      OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_E, e) == 1);
	EVP_PKEY *key = key_from("RSA", b);
	OSSL_PARAM_BLD_free(b);
	return key;
}

/* With the exponent 1 anybody can sign. */
static bool rsa_numbers(
    const BIGNUM *n, const BIGNUM *e, char reason[JWK_REASON_MAX])
{
	int bits = BN_num_bits(n);
	if (bits < JWK_RSA_BITS_LEAST || bits > JWK_RSA_BITS_MOST) {
		snprintf(reason, JWK_REASON_MAX,
		    "an RSA key of %d bits; allowed: %d to %d bits", bits,
		    JWK_RSA_BITS_LEAST, JWK_RSA_BITS_MOST);
		return false;
	}
	if (!BN_is_odd(n))
		return refused(reason, "the modulus n is even");
	if (!BN_is_odd(e) || BN_is_one(e) ||
	    BN_num_bits(e) > EXPONENT_BITS_MOST)
		return refused(reason, "the exponent e is not an odd number "
				       "from 3 to 2^64");
	return true;
}

static BIGNUM *number_of(const struct buf *b)
{
	BIGNUM *n =
	    BN_bin2bn((const unsigned char *)b->data, (int)b->len, NULL);
	CHECK(n);
	return n;
}

static bool read_rsa(
    const json_t *v, struct jwk *out, char reason[JWK_REASON_MAX])
{
	struct buf nb = {0}, eb = {0};
	bool ok = bytes_of(v, "n", &nb) && bytes_of(v, "e", &eb);
	if (ok) {
		BIGNUM *n = number_of(&nb), *e = number_of(&eb);
		ok = rsa_numbers(n, e, reason);
		out->key = ok ? rsa_key(n, e) : NULL;
		BN_free(n);
		BN_free(e);
		ok = ok && (out->key || refused(reason, "not an RSA key"));
	} else {
		refused(reason, "an RSA key needs n and e as base64url");
	}
	buf_free(&nb);
	buf_free(&eb);
	return ok;
}

/* A point that is not on the curve is refused (RFC 8725, 3.4). */
static EVP_PKEY *p256_key(const struct buf *point)
{
	char group[] = "prime256v1";
	OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
	CHECK(b &&
	      OSSL_PARAM_BLD_push_utf8_string(
		  b, OSSL_PKEY_PARAM_GROUP_NAME, group, 0) == 1 &&
	      OSSL_PARAM_BLD_push_octet_string(
		  b, OSSL_PKEY_PARAM_PUB_KEY, point->data, point->len) == 1);
	EVP_PKEY *key = key_from("EC", b);
	OSSL_PARAM_BLD_free(b);
	if (key == NULL)
		return NULL;
	EVP_PKEY_CTX *check = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	CHECK(check);
	if (EVP_PKEY_public_check(check) != 1) {
		EVP_PKEY_free(key);
		key = NULL;
	}
	EVP_PKEY_CTX_free(check);
	return key;
}

static bool read_ec(
    const json_t *v, struct jwk *out, char reason[JWK_REASON_MAX])
{
	const char *crv = string_of(v, "crv");
	struct buf point = {0};
	if (crv == NULL || strcmp(crv, "P-256") != 0)
		return refused(reason, "an EC key must have the crv P-256");
	buf_char(&point, 4); /* uncompressed */
	bool ok = bytes_of(v, "x", &point) && point.len == 1 + P256_BYTES &&
		  bytes_of(v, "y", &point) && point.len == 1 + 2 * P256_BYTES;
	if (ok)
		out->key = p256_key(&point);
	buf_free(&point);
	if (!ok)
		return refused(reason, "an EC key needs x and y of 32 bytes as "
				       "base64url");
	return out->key || refused(reason, "x and y are no point of P-256");
}

/* The y of the points whose order is at most 8, and two other spellings of 0
 * and
 * 1. With such a key anybody can sign. */
static const unsigned char small_orders[][ED25519_BYTES] = {
    {0},
    {1},
    {0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89,
	0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39,
	0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05},
    {0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76,
	0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6,
	0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a},
    {0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
    {0xed, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
    {0xee, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
};

/* The topmost bit is the sign of x. */
static bool has_small_order(const char *point)
{
	unsigned char y[ED25519_BYTES];
	memcpy(y, point, sizeof y);
	y[ED25519_BYTES - 1] &= 0x7f;
	for (size_t i = 0; i < sizeof small_orders / sizeof *small_orders;
	     i++) {
		if (memcmp(y, small_orders[i], sizeof y) == 0)
			return true;
	}
	return false;
}

static bool read_okp(
    const json_t *v, struct jwk *out, char reason[JWK_REASON_MAX])
{
	const char *crv = string_of(v, "crv");
	struct buf x = {0};
	if (crv == NULL || strcmp(crv, "Ed25519") != 0)
		return refused(reason, "an OKP key must have the crv Ed25519");
	if (bytes_of(v, "x", &x) && x.len == ED25519_BYTES &&
	    !has_small_order(x.data))
		out->key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL,
		    (const unsigned char *)x.data, x.len);
	buf_free(&x);
	return out->key ||
	       refused(reason, "an Ed25519 key needs x of 32 bytes as "
			       "base64url, a point of large order");
}

static bool read_oct(
    const json_t *v, struct jwk *out, char reason[JWK_REASON_MAX])
{
	struct buf k = {0};
	if (!bytes_of(v, "k", &k) || k.len < JWK_SECRET_LEAST) {
		buf_free(&k);
		return refused(reason, "a secret needs k of at least 32 bytes "
				       "as base64url");
	}
	out->secret = mem_dup(k.data, k.len);
	out->secret_len = k.len;
	OPENSSL_cleanse(k.data, k.len);
	buf_free(&k);
	return true;
}

static const struct kind {
	const char *kty;
	unsigned algs;
	bool (*read)(
	    const json_t *v, struct jwk *out, char reason[JWK_REASON_MAX]);
} kinds[] = {
    {"RSA", ALG(RS256) | ALG(PS256), read_rsa},
    {"EC", ALG(ES256), read_ec},
    {"OKP", ALG(EDDSA), read_okp},
    {"oct", ALG(HS256), read_oct},
};

static const struct kind *jwk_kind_of(const json_t *v)
{
	const char *kty = string_of(v, "kty");
	for (size_t i = 0; kty && i < sizeof kinds / sizeof *kinds; i++) {
		if (strcmp(kinds[i].kty, kty) == 0)
			return &kinds[i];
	}
	return NULL;
}

/* --- what every key says ------------------------------------------------- */

static bool for_signatures(const json_t *v, char reason[JWK_REASON_MAX])
{
	const json_t *use = json_object_get(v, "use");
	const json_t *ops = json_object_get(v, "key_ops"), *op;
	size_t i;
	if (use && (!json_is_string(use) ||
		       strcmp(json_string_value(use), "sig") != 0))
		return refused(reason, "its use is not sig");
	if (ops == NULL)
		return true;
	json_array_foreach(ops, i, op)
	{
		if (json_is_string(op) &&
		    strcmp(json_string_value(op), "verify") == 0)
			return true;
	}
	return refused(reason, "its key_ops do not contain verify");
}

static bool read_alg(
    const json_t *v, unsigned algs, struct jwk *out, char *reason)
{
	const json_t *name = json_object_get(v, "alg");
	enum jwk_alg alg;
	out->algs = algs;
	if (name == NULL)
		return true;
	if (!json_is_string(name) ||
	    !jwk_alg_parse(json_string_value(name), &alg))
		return refused(reason, "its alg is not RS256, PS256, ES256, "
				       "EdDSA or HS256");
	out->algs = algs & 1U << alg;
	return out->algs || refused(reason, "its alg does not go with its kty");
}

static bool read_kid(const json_t *v, struct jwk *out, char *reason)
{
	const json_t *kid = json_object_get(v, "kid");
	if (kid == NULL)
		return true;
	if (!json_is_string(kid) || json_string_length(kid) > KID_MOST)
		return refused(
		    reason, "its kid is not a string of at most 256 bytes");
	out->kid = mem_strdup(json_string_value(kid));
	return true;
}

bool jwk_read(
    const json_t *v, bool secrets, struct jwk *out, char reason[JWK_REASON_MAX])
{
	*out = (struct jwk){0};
	if (!json_is_object(v))
		return refused(reason, "must be an object");
	const struct kind *kind = jwk_kind_of(v);
	if (kind == NULL)
		return refused(reason, "its kty is not RSA, EC, OKP or oct");
	if (kind->read == read_oct && !secrets)
		return refused(reason, "a secret that a server publishes is "
				       "none: use a public key");
	if (kind->read != read_oct && json_object_get(v, "d"))
		return refused(reason, "it is a private key: give only its "
				       "public part");
	bool ok = for_signatures(v, reason) &&
		  read_alg(v, kind->algs, out, reason) &&
		  read_kid(v, out, reason) && kind->read(v, out, reason);
	ERR_clear_error();
	return ok;
}

void jwk_free(struct jwk *k)
{
	free(k->kid);
	EVP_PKEY_free(k->key);
	if (k->secret)
		OPENSSL_cleanse(k->secret, k->secret_len);
	free(k->secret);
	*k = (struct jwk){0};
}

/* --- signatures ---------------------------------------------------------- */

static bool verify_hmac(const struct jwk *k, const void *text, size_t len,
    const unsigned char *signature, size_t signature_len)
{
	unsigned char own[SHA256_BYTES];
	unsigned own_len = sizeof own;
	CHECK(HMAC(EVP_sha256(), k->secret, (int)k->secret_len, text, len, own,
	    &own_len));
	return signature_len == sizeof own &&
	       CRYPTO_memcmp(own, signature, sizeof own) == 0;
}

/* JWS has r and s, one behind the other (RFC 7518, 3.4); OpenSSL wants DER.
 * Returns the length. */
static int ecdsa_der(const unsigned char *rs, unsigned char **out)
{
	ECDSA_SIG *sig = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(rs, P256_BYTES, NULL);
	BIGNUM *s = BN_bin2bn(rs + P256_BYTES, P256_BYTES, NULL);
	CHECK(sig && r && s && ECDSA_SIG_set0(sig, r, s) == 1);
	int len = i2d_ECDSA_SIG(sig, out);
	CHECK(len > 0);
	ECDSA_SIG_free(sig);
	return len;
}

static bool verify_digest(const struct jwk *k, enum jwk_alg alg,
    const void *text, size_t len, const unsigned char *signature,
    size_t signature_len)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *key = NULL;
	const EVP_MD *md = alg == JWK_EDDSA ? NULL : EVP_sha256();
	CHECK(ctx);
	bool ok = EVP_DigestVerifyInit(ctx, &key, md, NULL, k->key) == 1;
	if (alg == JWK_PS256)
		ok = ok &&
		     EVP_PKEY_CTX_set_rsa_padding(key, RSA_PKCS1_PSS_PADDING) ==
			 1 &&
		     EVP_PKEY_CTX_set_rsa_pss_saltlen(
			 key, RSA_PSS_SALTLEN_DIGEST) == 1;
	ok = ok &&
	     EVP_DigestVerify(ctx, signature, signature_len, text, len) == 1;
	EVP_MD_CTX_free(ctx);
	return ok;
}

static bool verify_ecdsa(const struct jwk *k, const void *text, size_t len,
    const unsigned char *signature, size_t signature_len)
{
	unsigned char *der = NULL;
	if (signature_len != 2 * P256_BYTES)
		return false;
	int der_len = ecdsa_der(signature, &der);
	bool ok = verify_digest(k, JWK_ES256, text, len, der, (size_t)der_len);
	OPENSSL_free(der);
	return ok;
}

bool jwk_verify(const struct jwk *k, enum jwk_alg alg, const void *text,
    size_t len, const unsigned char *signature, size_t signature_len)
{
	bool ok;
	if (!(k->algs & 1U << alg))
		return false;
	if (alg == JWK_HS256)
		ok = verify_hmac(k, text, len, signature, signature_len);
	else if (alg == JWK_ES256)
		ok = verify_ecdsa(k, text, len, signature, signature_len);
	else
		ok = verify_digest(k, alg, text, len, signature, signature_len);
	ERR_clear_error();
	return ok;
}
