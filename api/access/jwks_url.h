/* Where the keys of tokens come from: the value of auth.jwt.jwks (pure core).
 */
#pragma once

#include "common/base/err.h"
#include "common/net/web_url.h"

/* A value with `://` is a URL; any other one is a path, and *out is
 * WEB_NOWHERE. The error says what is allowed. */
struct err jwks_url_check(const char *value, enum web_place *out);
