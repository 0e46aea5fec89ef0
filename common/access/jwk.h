/* One key of a JSON Web Key Set (RFC 7517, 7518, 8037), and the signatures that
 * it verifies (RFC 7515). OpenSSL does the cryptography.
 *
 * A key is for certain algorithms only, whatever a token says (RFC 8725, 3.1):
 * for the one that its `alg` names, else for those of its kind. So an RSA key
 * never verifies an HMAC that was made with its public bytes.
 */
#pragma once

#include <jansson.h>
#include <openssl/types.h>
#include <stdbool.h>
#include <stddef.h>

enum jwk_alg {
	JWK_RS256,
	JWK_PS256,
	JWK_ES256,
	JWK_EDDSA, /* Ed25519 only */
	JWK_HS256,
	JWK_ALGS
};

/* The value of a header's `alg`. Ed25519 (RFC 9864) is EdDSA. False: not an
 * algorithm that Sluice knows, such as `none`. */
bool jwk_alg_parse(const char *name, enum jwk_alg *out);

/* Immutable; any thread may verify with it. */
struct jwk {
	char *kid;     /* owned; NULL: it has none */
	unsigned algs; /* bits: 1 << enum jwk_alg */
	EVP_PKEY *key; /* owned; NULL: a secret (HS256) */
	unsigned char *secret;
	size_t secret_len;
};

enum { JWK_RSA_BITS_LEAST = 2048, JWK_RSA_BITS_MOST = 8192 };
enum { JWK_SECRET_LEAST = 32 /* bytes: RFC 7518, 3.2 */ };
enum { JWK_REASON_MAX = 128 };

/* Makes a key of a member of `keys`. `secrets`: a symmetric key is taken, too.
 * False: it cannot be used; the reason is a sentence without a secret. *out is
 * owned in either case. */
bool jwk_read(const json_t *v, bool secrets, struct jwk *out,
    char reason[JWK_REASON_MAX]);
void jwk_free(struct jwk *k);

/* False also: the key is not for that algorithm. */
bool jwk_verify(const struct jwk *k, enum jwk_alg alg, const void *text,
    size_t len, const unsigned char *signature, size_t signature_len);
