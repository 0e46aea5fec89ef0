/* What a URL in a setting says about where the server is (pure core). */
#pragma once

#include <stdbool.h>

enum web_place {
	WEB_NOWHERE, /* no URL of http or https; or it has a password */
	WEB_HTTPS,
	WEB_HTTPS_HERE, /* on a loopback address */
	WEB_HTTP,
	WEB_HTTP_HERE,
};

/* `secret`: why it is WEB_NOWHERE: a user or a password is in it, where every
 * log line would show it. */
enum web_place web_url_place(const char *url, bool *secret);
bool web_place_is_here(enum web_place place);
bool web_place_is_https(enum web_place place);
