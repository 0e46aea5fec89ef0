/* The token of the admin listener (pure core, except that an address may be
 * resolved): the setting admin.token. Without one, the listener is for this
 * machine only. */
#pragma once

#include "common/base/err.h"

#include <stdbool.h>

enum { ADMIN_TOKEN_MIN = 16 };

/* Checks both settings at the start. FATAL: the token is too short or has a
 * blank; or there is none, and others can reach the address. The error does not
 * show the token. */
struct err admin_token_check(const char *listen, const char *token);
/* Checks the token of a reload. FATAL: as above; or there is one now and was
 * none before, or the other way round. */
struct err admin_token_check_renewal(
    const char *setting, const char *first, const char *now);
/* Does an Authorization header (NULL: none) show the token (RFC 6750, 2.1)? The
 * time does not depend on how much of the token is right. */
bool admin_token_is_shown(const char *authorization, const char *token);
