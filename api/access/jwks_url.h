/* Where the keys of tokens come from: the value of auth.jwt.jwks (pure core).
 */
#pragma once

#include "common/base/err.h"

#include <stdbool.h>

enum jwks_place {
	JWKS_PLACE_FILE,
	JWKS_PLACE_HTTPS,
	JWKS_PLACE_HTTPS_HERE, /* on a loopback address */
	JWKS_PLACE_HTTP_HERE,
};

/* A value with `://` is a URL. The error says what is allowed. */
struct err jwks_url_check(const char *value, enum jwks_place *out);
