#include "api/access/jwks_url.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <string.h>
#include <strings.h>

static bool part_is(CURLU *u, CURLUPart part, const char *text)
{
	char *value = NULL;
	bool same = curl_url_get(u, part, &value, 0) == CURLUE_OK &&
		    strcasecmp(value, text) == 0;
	curl_free(value);
	return same;
}

static bool has_part(CURLU *u, CURLUPart part)
{
	char *value = NULL;
	bool has = curl_url_get(u, part, &value, 0) == CURLUE_OK;
	curl_free(value);
	return has;
}

/* libcurl never looks up the name localhost elsewhere. */
static bool host_is_loopback(CURLU *u)
{
	char *host = NULL;
	struct in_addr v4;
	if (curl_url_get(u, CURLUPART_HOST, &host, 0) != CURLUE_OK)
		return false;
	bool is = strcasecmp(host, "localhost") == 0 ||
		  strcmp(host, "[::1]") == 0 ||
		  (inet_pton(AF_INET, host, &v4) == 1 &&
		      ntohl(v4.s_addr) >> 24 == 127);
	curl_free(host);
	return is;
}

/* NULL: it is allowed. */
static const char *judge_url(CURLU *u, enum jwks_place *out)
{
	bool here = host_is_loopback(u);
	if (has_part(u, CURLUPART_USER) || has_part(u, CURLUPART_PASSWORD))
		return "a URL without user and password";
	if (part_is(u, CURLUPART_SCHEME, "https")) {
		*out = here ? JWKS_PLACE_HTTPS_HERE : JWKS_PLACE_HTTPS;
		return NULL;
	}
	*out = JWKS_PLACE_HTTP_HERE;
	return here && part_is(u, CURLUPART_SCHEME, "http")
		   ? NULL
		   : "a path, an https:// URL, or an http:// URL of a loopback "
		     "address";
}

struct err jwks_url_check(const char *value, enum jwks_place *out)
{
	const char *allowed = "a path or an https:// URL";
	*out = JWKS_PLACE_FILE;
	if (strstr(value, "://") == NULL)
		return ERR_OK;
	CURLU *u = curl_url();
	if (u && curl_url_set(u, CURLUPART_URL, value,
		     CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK)
		allowed = judge_url(u, out);
	curl_url_cleanup(u);
	if (allowed == NULL)
		return ERR_OK;
	/* The value may have a password. */
	return err_make(ERR_KIND_FATAL, "config",
	    "setting 'auth.jwt.jwks' has a bad value; allowed: %s", allowed);
}
