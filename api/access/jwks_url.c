#include "api/access/jwks_url.h"

#include <stdbool.h>
#include <string.h>

/* NULL: it is allowed. */
static const char *judge_place(enum web_place place, bool secret)
{
	if (secret)
		return "a URL without user and password";
	if (web_place_is_https(place) || place == WEB_HTTP_HERE)
		return NULL;
	return "a path, an https:// URL, or an http:// URL of a loopback "
	       "address";
}

struct err jwks_url_check(const char *value, enum web_place *out)
{
	bool secret;
	*out = WEB_NOWHERE;
	if (strstr(value, "://") == NULL)
		return ERR_OK;
	*out = web_url_place(value, &secret);
	const char *allowed = judge_place(*out, secret);
	if (allowed == NULL)
		return ERR_OK;
	/* The value may have a password. */
	return err_make(ERR_KIND_FATAL, "config",
	    "setting 'auth.jwt.jwks' has a bad value; allowed: %s", allowed);
}
