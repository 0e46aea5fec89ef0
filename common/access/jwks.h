/* A JSON Web Key Set (RFC 7517): the keys that tokens may be signed with.
 *
 * A key that cannot be used is passed over, with a reason: a provider may
 * publish keys for other purposes, too (RFC 7517, 5). A set without any usable
 * key is a fault. At most one key has a given kid and algorithm, so that at
 * most one signature is computed for a token.
 *
 * A set is immutable and counts its references; any thread may use it.
 */
#pragma once

#include "common/access/jwk.h"
#include "common/base/err.h"

struct jwks;

enum { JWKS_BYTES_MOST = 1 << 20, JWKS_KEYS_MOST = 256 };

/* Returns owned. `secrets`: symmetric keys are taken (jwk_read). The error says
 * line and column, or which key, and why. */
struct err jwks_parse(
    const char *text, size_t len, bool secrets, struct jwks **out);
/* Reads a file, which may have secrets. The error names the file, too. */
struct err jwks_load(const char *path, struct jwks **out);
struct jwks *jwks_hold(struct jwks *set);
/* NULL is allowed. */
void jwks_release(struct jwks **set);

size_t jwks_count(const struct jwks *set);
/* Were both made of the same text? */
bool jwks_same(const struct jwks *a, const struct jwks *b);
/* Why the i-th key that was passed over was: `keys[2]: its use is not sig`.
 * NULL: there are no more. */
const char *jwks_passed_over(const struct jwks *set, size_t i);

enum jwks_found {
	JWKS_FOUND,
	JWKS_UNKNOWN,	/* no key has that kid */
	JWKS_OTHER_ALG, /* keys have that kid, but none is for `alg` */
	JWKS_AMBIGUOUS, /* no kid was given, and several keys are for `alg` */
};

/* `kid` NULL: the token names no key. Then there must be just one. Sets *out if
 * one is found, borrowed from the set. */
enum jwks_found jwks_find(const struct jwks *set, const char *kid,
    enum jwk_alg alg, const struct jwk **out);
