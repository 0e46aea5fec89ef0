/* Where a URL says that its server is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/net/web_url.h"

static const struct {
	const char *url;
	enum web_place place;
	bool secret;
} urls[] = {
    {"https://id.example/keys", WEB_HTTPS, false},
    {"HTTPS://id.example:8443/keys?x=1", WEB_HTTPS, false},
    {"https://127.0.0.1/keys", WEB_HTTPS_HERE, false},
    {"http://collector:4318/v1/traces", WEB_HTTP, false},
    {"http://10.0.0.1:4318/v1/traces", WEB_HTTP, false},
    {"http://127.3.2.1/", WEB_HTTP_HERE, false},
    {"http://localhost:4318", WEB_HTTP_HERE, false},
    {"http://[::1]:4318/v1/traces", WEB_HTTP_HERE, false},
    {"http://[::2]:4318/v1/traces", WEB_HTTP, false},
    {"https://u:p@id.example/", WEB_NOWHERE, true},
    {"http://u@127.0.0.1/", WEB_NOWHERE, true},
    {"ftp://id.example/", WEB_NOWHERE, false},
    {"id.example:4318", WEB_NOWHERE, false},
    {"/v1/traces", WEB_NOWHERE, false},
    {"http://", WEB_NOWHERE, false},
    {"http://a b/", WEB_NOWHERE, false},
    {"", WEB_NOWHERE, false},
};

static void finds_the_place(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
		bool secret;
		enum web_place place = web_url_place(urls[i].url, &secret);
		if (place != urls[i].place || secret != urls[i].secret)
			fail_msg("%s: %d", urls[i].url, place);
		assert_int_equal(web_place_is_https(place),
		    place == WEB_HTTPS || place == WEB_HTTPS_HERE);
		assert_int_equal(web_place_is_here(place),
		    place == WEB_HTTP_HERE || place == WEB_HTTPS_HERE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(finds_the_place)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
