#include "common/net/web_url.h"

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

static enum web_place web_place_of(CURLU *u, bool *secret)
{
	bool here = host_is_loopback(u);
	*secret =
	    has_part(u, CURLUPART_USER) || has_part(u, CURLUPART_PASSWORD);
	if (*secret)
		return WEB_NOWHERE;
	if (part_is(u, CURLUPART_SCHEME, "https"))
		return here ? WEB_HTTPS_HERE : WEB_HTTPS;
	if (part_is(u, CURLUPART_SCHEME, "http"))
		return here ? WEB_HTTP_HERE : WEB_HTTP;
	return WEB_NOWHERE;
}

enum web_place web_url_place(const char *url, bool *secret)
{
	enum web_place place = WEB_NOWHERE;
	CURLU *u = curl_url();
	*secret = false;
	if (u && curl_url_set(u, CURLUPART_URL, url,
		     CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK)
		place = web_place_of(u, secret);
	curl_url_cleanup(u);
	return place;
}

bool web_place_is_here(enum web_place place)
{
	return place == WEB_HTTPS_HERE || place == WEB_HTTP_HERE;
}

bool web_place_is_https(enum web_place place)
{
	return place == WEB_HTTPS || place == WEB_HTTPS_HERE;
}
