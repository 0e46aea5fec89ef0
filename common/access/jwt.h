/* Verifies a token: a signed JWT in the compact form (RFC 7519, 7515), by the
 * rules of RFC 8725 (pure core).
 *
 * - The size is checked before anything else. Nothing is allocated for a token
 *   that is too long or has not three parts.
 * - The key is chosen from our own set, by `kid` and algorithm; what the token
 *   says of keys is refused, as is `crit`: there is no extension.
 * - The payload is read only after the signature was found right.
 * - `exp`, `iss` and `aud` are required.
 */
#pragma once

#include "common/access/jwks.h"
#include "common/base/clock.h"

enum jwt_fault {
	JWT_OK,
#define JWT_FAULT(id, name, text) id,
#include "common/access/jwt.def"
#undef JWT_FAULT
	JWT_FAULTS
};

enum { JWT_LENGTH_MOST = 8192 };

/* What a token must say. Borrowed texts. */
struct jwt_policy {
	const char *issuer;
	const char *audience;
	dur_us_t leeway; /* how much clocks may differ; of exp, nbf and iat */
};

struct jwt {
	json_t *claims;	   /* owned, an object */
	wall_us_t expires; /* the token is refused from then on */
};

/* `now` in microseconds since 1970. *out is owned if the result is JWT_OK,
 * otherwise empty. */
enum jwt_fault jwt_verify(const char *token, size_t len,
    const struct jwks *keys, const struct jwt_policy *policy, wall_us_t now,
    struct jwt *out);
void jwt_free(struct jwt *t);

/* Of a fault, not of JWT_OK. */
const char *jwt_fault_name(enum jwt_fault fault);
const char *jwt_fault_text(enum jwt_fault fault);
