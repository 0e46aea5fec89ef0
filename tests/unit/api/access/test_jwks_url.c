/* auth.jwt.jwks: a path, https, and http on this machine only. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/access/jwks_url.h"

#include <string.h>

static const struct {
	const char *value;
	enum web_place place;
} right[] = {
    {"jwks.json", WEB_NOWHERE},
    {"/etc/sluice/jwks.json", WEB_NOWHERE},
    {"/a:b/c", WEB_NOWHERE},
    {"https://id.example/keys", WEB_HTTPS},
    {"HTTPS://id.example:8443/keys?x=1", WEB_HTTPS},
    {"https://127.0.0.1/keys", WEB_HTTPS_HERE},
    {"https://localhost/keys", WEB_HTTPS_HERE},
    {"http://127.0.0.1:9000/keys", WEB_HTTP_HERE},
    {"http://127.3.2.1/keys", WEB_HTTP_HERE},
    {"http://localhost:9000/keys", WEB_HTTP_HERE},
    {"http://[::1]:9000/keys", WEB_HTTP_HERE},
};

static const char *const wrong[] = {
    "http://id.example/keys",
    "http://128.0.0.1/keys",
    "http://localhost.example/keys",
    "http://127.0.0.1.example/keys",
    "http://[::2]/keys",
    "http://0.0.0.0/keys",
    "http://127.0.0.1@id.example/keys",
    "https://user:s3cret@id.example/keys",
    "https://user@id.example/keys",
    "ftp://127.0.0.1/keys",
    "file:///etc/sluice/jwks.json",
    "https://",
    "://x",
    "https://id example/keys",
};

static void takes_paths_and_urls(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof right / sizeof *right; i++) {
		enum web_place place;
		struct err e = jwks_url_check(right[i].value, &place);
		if (e.kind != ERR_KIND_OK || place != right[i].place)
			fail_msg("%s: %s", right[i].value, e.msg);
	}
}

static void refuses_the_rest(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		enum web_place place;
		struct err e = jwks_url_check(wrong[i], &place);
		if (e.kind != ERR_KIND_FATAL)
			fail_msg("%s was accepted", wrong[i]);
		assert_memory_equal(
		    e.msg, "setting 'auth.jwt.jwks' has a bad value", 39);
		assert_null(strstr(e.msg, "s3cret"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(takes_paths_and_urls),
	    cmocka_unit_test(refuses_the_rest),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
