/* Tokens and key sets that tests make, with OpenSSL: what a provider does. */
#pragma once

#include "common/access/base64url.h"
#include "common/access/jwk.h"
#include "common/base/buf.h"
#include "common/base/check.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

/* Returns owned: EVP_PKEY_free. */
static inline EVP_PKEY *tokens_key(enum jwk_alg alg)
{
	EVP_PKEY *key = alg == JWK_ES256 ? EVP_EC_gen("P-256")
			: alg == JWK_EDDSA
			    ? EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")
			    : EVP_RSA_gen(2048);
	CHECK(key);
	return key;
}

static inline void tokens_number(
    struct buf *out, const EVP_PKEY *key, const char *name, int width)
{
	BIGNUM *n = NULL;
	unsigned char bytes[1024];
	CHECK(EVP_PKEY_get_bn_param(key, name, &n) == 1);
	width = width ? width : BN_num_bytes(n);
	CHECK(BN_bn2binpad(n, bytes, width) == width);
	base64url_encode(out, bytes, (size_t)width);
	BN_free(n);
}

/* Appends the members that are the public key: `"kty":"RSA","n":…`. */
static inline void tokens_public(struct buf *out, const EVP_PKEY *key)
{
	if (EVP_PKEY_is_a(key, "RSA")) {
		buf_str(out, "\"kty\":\"RSA\",\"n\":\"");
		tokens_number(out, key, OSSL_PKEY_PARAM_RSA_N, 0);
		buf_str(out, "\",\"e\":\"");
		tokens_number(out, key, OSSL_PKEY_PARAM_RSA_E, 0);
	} else if (EVP_PKEY_is_a(key, "EC")) {
		buf_str(out, "\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"");
		tokens_number(out, key, OSSL_PKEY_PARAM_EC_PUB_X, 32);
		buf_str(out, "\",\"y\":\"");
		tokens_number(out, key, OSSL_PKEY_PARAM_EC_PUB_Y, 32);
	} else {
		unsigned char x[32];
		size_t len = sizeof x;
		CHECK(EVP_PKEY_get_raw_public_key(key, x, &len) == 1);
		buf_str(out, "\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"");
		base64url_encode(out, x, len);
	}
	buf_str(out, "\"");
}

/* Appends a key of a set; `more` are members of their own, `,"use":"sig"`. */
static inline void tokens_jwk(
    struct buf *out, const EVP_PKEY *key, const char *kid, const char *more)
{
	buf_str(out, "{");
	tokens_public(out, key);
	if (kid)
		buf_printf(out, ",\"kid\":\"%s\"", kid);
	buf_printf(out, "%s}", more);
}

static inline void tokens_secret_jwk(
    struct buf *out, const char *secret, const char *kid)
{
	buf_str(out, "{\"kty\":\"oct\",\"k\":\"");
	base64url_encode(out, secret, strlen(secret));
	buf_printf(out, "\",\"kid\":\"%s\"}", kid);
}

static inline size_t tokens_raw_ecdsa(
    unsigned char rs[64], const unsigned char *der, size_t len)
{
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)len);
	CHECK(sig);
	CHECK(BN_bn2binpad(ECDSA_SIG_get0_r(sig), rs, 32) == 32);
	CHECK(BN_bn2binpad(ECDSA_SIG_get0_s(sig), rs + 32, 32) == 32);
	ECDSA_SIG_free(sig);
	return 64;
}

/* The signature of `text`, in the form of JWS. Returns its length. */
static inline size_t tokens_signature(EVP_PKEY *key, enum jwk_alg alg,
    const struct buf *text, unsigned char out[1024])
{
	unsigned char raw[1024];
	size_t len = sizeof raw;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *pctx = NULL;
	CHECK(
	    ctx && EVP_DigestSignInit(ctx, &pctx,
		       alg == JWK_EDDSA ? NULL : EVP_sha256(), NULL, key) == 1);
	if (alg == JWK_PS256) {
		EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING);
		EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, RSA_PSS_SALTLEN_DIGEST);
	}
	CHECK(EVP_DigestSign(ctx, raw, &len, (const unsigned char *)text->data,
		  text->len) == 1);
	EVP_MD_CTX_free(ctx);
	if (alg == JWK_ES256)
		return tokens_raw_ecdsa(out, raw, len);
	memcpy(out, raw, len);
	return len;
}

static inline struct buf tokens_unsigned(
    const char *header, const char *payload)
{
	struct buf text = {0};
	base64url_encode(&text, header, strlen(header));
	buf_char(&text, '.');
	base64url_encode(&text, payload, strlen(payload));
	return text;
}

/* Returns an owned token with any header and payload. */
static inline char *tokens_sign(
    EVP_PKEY *key, enum jwk_alg alg, const char *header, const char *payload)
{
	struct buf text = tokens_unsigned(header, payload);
	unsigned char signature[1024];
	size_t len = tokens_signature(key, alg, &text, signature);
	buf_char(&text, '.');
	base64url_encode(&text, signature, len);
	return buf_take(&text, NULL);
}

/* The same by HMAC-SHA-256, with any bytes as the secret. */
static inline char *tokens_hmac(const void *secret, size_t secret_len,
    const char *header, const char *payload)
{
	struct buf text = tokens_unsigned(header, payload);
	unsigned char mac[32];
	unsigned len = sizeof mac;
	CHECK(HMAC(EVP_sha256(), secret, (int)secret_len,
	    (const unsigned char *)text.data, text.len, mac, &len));
	buf_char(&text, '.');
	base64url_encode(&text, mac, len);
	return buf_take(&text, NULL);
}
