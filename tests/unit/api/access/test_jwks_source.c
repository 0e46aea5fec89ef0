/* The keys of tokens: from a file and from a server, which changes them, fails,
 * hangs, answers too much, redirects, or is another one than it says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/access/jwks_source.h"

#include "tests/unit/tokens.h"
#include "tests/unit/web_server.h"

#include <stdio.h>
#include <unistd.h>

#define LONG CLOCK_S(3600)
/* A test that waits longer has failed. */
#define PATIENCE CLOCK_S(60)

static char *set_a, *set_b; /* with one key, and with two */

static int make_sets(void **state)
{
	(void)state;
	EVP_PKEY *a = tokens_key(JWK_EDDSA), *b = tokens_key(JWK_EDDSA);
	struct buf one = {0}, two = {0};
	buf_str(&one, "{\"keys\":[");
	tokens_jwk(&one, a, "a", "");
	buf_str(&two, one.data);
	buf_str(&one, "]}");
	buf_str(&two, ",");
	tokens_jwk(&two, b, "b", "");
	buf_str(&two, "]}");
	set_a = buf_take(&one, NULL);
	set_b = buf_take(&two, NULL);
	EVP_PKEY_free(a);
	EVP_PKEY_free(b);
	return 0;
}

static int free_sets(void **state)
{
	(void)state;
	free(set_a);
	free(set_b);
	return 0;
}

static struct jwks_source *source_of(const char *from, const char *ca,
    dur_us_t timeout, dur_us_t refresh, dur_us_t pause)
{
	const struct jwks_source_options o = {
	    from, ca, timeout, refresh, pause};
	struct jwks_source *s;
	struct err e = jwks_source_new(&o, &s);
	if (e.kind != ERR_KIND_OK)
		fail_msg("%s", e.msg);
	return s;
}

/* Waits for this many fetches, good and bad. */
static struct jwks_source_state after(
    struct jwks_source *s, uint64_t fetched, uint64_t failed)
{
	mono_us_t end = clock_mono() + PATIENCE;
	struct jwks_source_state state = jwks_source_state(s);
	while (state.fetched < fetched || state.failed < failed) {
		if (clock_mono() > end)
			fail_msg("%llu fetched, %llu failed: %s",
			    (unsigned long long)state.fetched,
			    (unsigned long long)state.failed, state.error);
		usleep(500);
		state = jwks_source_state(s);
	}
	return state;
}

static size_t keys_of(struct jwks_source *s)
{
	struct jwks *set = jwks_source_take(s);
	size_t n = set ? jwks_count(set) : 0;
	jwks_release(&set);
	return n;
}

/* --- files --------------------------------------------------------------- */

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void reads_a_file(void **state)
{
	(void)state;
	char path[] = "/tmp/sluice-source-XXXXXX";
	bool changed = false;
	close(mkstemp(path));
	write_file(path, set_a);
	struct jwks_source *s = source_of(path, "", LONG, LONG, LONG);
	assert_int_equal(jwks_source_generation(s), 1);
	assert_int_equal(keys_of(s), 1);
	assert_false(
	    jwks_source_unknown(s, 1, 7)); /* it has no more to offer */
	/* The same again. */
	assert_int_equal(jwks_source_reload(s, &changed).kind, ERR_KIND_OK);
	assert_false(changed);
	assert_int_equal(jwks_source_generation(s), 1);
	/* A bad one: it stays. */
	write_file(path, "{\"keys\":[]}");
	struct err e = jwks_source_reload(s, &changed);
	assert_non_null(strstr(e.msg, path));
	assert_non_null(strstr(e.msg, ": keys: has no key"));
	assert_int_equal(keys_of(s), 1);
	/* A new one. */
	write_file(path, set_b);
	assert_int_equal(jwks_source_reload(s, &changed).kind, ERR_KIND_OK);
	assert_true(changed);
	assert_int_equal(jwks_source_generation(s), 2);
	assert_int_equal(keys_of(s), 2);
	assert_true(jwks_source_unknown(s, 1, 7)); /* there is a newer one */
	unlink(path);
	jwks_source_free(&s);
	jwks_source_free(&s);
}

static void refuses_to_start(void **state)
{
	(void)state;
	static const struct {
		const char *from, *says;
	} wrong[] = {
	    {"/nowhere/jwks.json",
		"/nowhere/jwks.json: No such file or directory"},
	    {"http://id.example/", "an http:// URL of a loopback address"},
	};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		const struct jwks_source_options o = {
		    wrong[i].from, "", LONG, LONG, LONG};
		struct jwks_source *s;
		struct err e = jwks_source_new(&o, &s);
		assert_int_equal(e.kind, ERR_KIND_FATAL);
		assert_non_null(strstr(e.msg, wrong[i].says));
		assert_null(s);
	}
}

/* --- a server ------------------------------------------------------------ */

static void fetches_and_exchanges(void **state)
{
	(void)state;
	struct web_server server;
	bool changed = false;
	web_server_start(&server, NULL);
	web_server_says(&server, 200, "", set_a);
	struct jwks_source *s =
	    source_of(server.url, "", LONG, LONG, CLOCK_MS(1));
	struct jwks_source_state now = after(s, 1, 0);
	assert_int_equal(now.keys, 1);
	assert_int_equal(jwks_source_generation(s), 1);
	assert_true(now.age >= 0 && now.age < PATIENCE);
	/* The same again: what was verified stays so. */
	uint64_t before = now.fetched;
	jwks_source_reload(s, &changed);
	after(s, before + 1, 0);
	assert_false(changed);
	assert_int_equal(jwks_source_generation(s), 1);
	web_server_says(&server, 200, "", set_b);
	before = jwks_source_state(s).fetched;
	jwks_source_reload(s, &changed);
	assert_int_equal(after(s, before + 1, 0).keys, 2);
	assert_int_equal(jwks_source_generation(s), 2);
	jwks_source_free(&s);
	web_server_stop(&server);
}

/* Until the first fetch succeeds, there are no keys; it is tried again. */
static void waits_for_a_server(void **state)
{
	(void)state;
	struct web_server server;
	web_server_start(&server, NULL);
	web_server_says(&server, 503, "", "later");
	struct jwks_source *s =
	    source_of(server.url, "", LONG, LONG, CLOCK_MS(1));
	struct jwks_source_state now = after(s, 0, 2);
	assert_string_equal(now.error, "the answer has the status 503");
	assert_null(jwks_source_take(s));
	assert_int_equal(jwks_source_generation(s), 0);
	web_server_says(&server, 200, "", set_a);
	after(s, 1, 0);
	assert_int_equal(keys_of(s), 1);
	assert_string_equal(jwks_source_state(s).error, "");
	jwks_source_free(&s);
	web_server_stop(&server);
}

static const struct {
	unsigned status;
	const char *head, *body, *error;
} bad_answers[] = {
    {500, "", "{\"keys\":[]}", "the answer has the status 500"},
    {404, "", "", "the answer has the status 404"},
    {204, "", "", "the answer has the status 204"},
    {200, "", "{\"keys\":[]}", "keys: has no key"},
    {200, "", "<html>", "line 1, column 1: not valid JSON"},
    {200, "",
	"{\"keys\":[{\"kty\":\"oct\",\"k\":"
	"\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}]}",
	"no key can be used to verify tokens; keys[0]: a secret that a server "
	"publishes is none: use a public key"},
    {302, "Location: http://127.0.0.1:1/\r\n", "", NULL},
    {302, "Location: file:///etc/passwd\r\n", "", NULL},
    {302, "", "", "the answer has the status 302"},
    {200, "Content-Length: 99999999\r\n", "x",
	"the answer is larger than 1048576 bytes"},
};

static void keeps_its_keys(void **state)
{
	(void)state;
	struct web_server server;
	web_server_start(&server, NULL);
	web_server_says(&server, 200, "", set_a);
	struct jwks_source *s =
	    source_of(server.url, "", LONG, CLOCK_MS(1), CLOCK_MS(1));
	after(s, 1, 0);
	for (size_t i = 0; i < sizeof bad_answers / sizeof *bad_answers; i++) {
		uint64_t failed = jwks_source_state(s).failed;
		web_server_says(&server, bad_answers[i].status,
		    bad_answers[i].head, bad_answers[i].body);
		/* The second one began after it was said. */
		struct jwks_source_state now = after(s, 0, failed + 2);
		assert_int_equal(now.keys, 1);
		assert_int_equal(jwks_source_generation(s), 1);
		if (bad_answers[i].error)
			assert_string_equal(now.error, bad_answers[i].error);
		else
			assert_true(now.error[0]);
	}
	uint64_t fetched = jwks_source_state(s).fetched;
	web_server_says(&server, 200, "", set_b);
	after(s, fetched + 1, 0);
	assert_int_equal(keys_of(s), 2);
	jwks_source_free(&s);
	web_server_stop(&server);
}

/* Without a length, too. */
static void bounds_the_answer(void **state)
{
	(void)state;
	struct web_server server;
	size_t len = JWKS_BYTES_MOST + 1;
	char *large = malloc(len + 1);
	memset(large, ' ', len);
	large[len] = '\0';
	web_server_start(&server, NULL);
	web_server_says(&server, 200, "X-No-Length: 1\r\n", large);
	struct jwks_source *s =
	    source_of(server.url, "", LONG, LONG, CLOCK_MS(1));
	struct jwks_source_state now = after(s, 0, 1);
	assert_string_equal(
	    now.error, "the answer is larger than 1048576 bytes");
	jwks_source_free(&s);
	web_server_stop(&server);
	free(large);
}

/* Nobody waits for a server that hangs: neither who asks for keys, nor the end
 * of the daemon. */
static void outlives_a_server_that_hangs(void **state)
{
	(void)state;
	struct web_server server;
	web_server_start(&server, NULL);
	web_server_says(&server, WEB_SERVER_HANGS, "", "");
	struct jwks_source *s = source_of(server.url, "", LONG, LONG, LONG);
	web_server_wait(&server, 1);
	assert_null(jwks_source_take(s));
	assert_true(jwks_source_unknown(s, 0, 7)); /* it is being fetched */
	jwks_source_free(&s);
	s = source_of(server.url, "", CLOCK_MS(20), LONG, CLOCK_MS(1));
	after(s, 0, 2);
	web_server_says(&server, 200, "", set_a);
	after(s, 1, 0);
	jwks_source_free(&s);
	web_server_stop(&server);
}

/* --- unknown keys -------------------------------------------------------- */

static void asks_for_unknown_keys(void **state)
{
	(void)state;
	struct web_server server;
	web_server_start(&server, NULL);
	web_server_says(&server, 200, "", set_a);
	struct jwks_source *s = source_of(server.url, "", LONG, LONG, 0);
	after(s, 1, 0);
	web_server_says(&server, 200, "", set_b);
	assert_true(jwks_source_unknown(s, 1, 7));
	after(s, 2, 0);
	assert_int_equal(jwks_source_generation(s), 2);
	assert_int_equal(keys_of(s), 2);
	jwks_source_free(&s);
	web_server_stop(&server);
}

static void asks_seldom(void **state)
{
	(void)state;
	struct web_server server;
	web_server_start(&server, NULL);
	web_server_says(&server, 200, "", set_a);
	struct jwks_source *s = source_of(server.url, "", LONG, LONG, LONG);
	after(s, 1, 0);
	/* It may come with the next fetch, for which it has to wait. */
	for (int i = 0; i < 1000; i++)
		assert_true(jwks_source_unknown(s, 1, 7));
	assert_int_equal(jwks_source_state(s).fetched, 1);
	assert_int_equal(web_server_requests(&server), 1);
	/* That fetch has not brought it. */
	bool changed;
	jwks_source_reload(s, &changed);
	after(s, 2, 0);
	for (int i = 0; i < 1000; i++)
		assert_false(jwks_source_unknown(s, 1, 7));
	assert_true(jwks_source_unknown(s, 0, 7));
	assert_true(jwks_source_unknown(s, 1, 8));
	assert_int_equal(jwks_source_state(s).fetched, 2);
	jwks_source_free(&s);
	/* A pause of 50 ms: asked all the time, it fetches as often. */
	mono_us_t begun = clock_mono();
	s = source_of(server.url, "", LONG, LONG, CLOCK_MS(50));
	while (jwks_source_state(s).fetched < 4)
		jwks_source_unknown(s, 1, 7);
	assert_true(clock_mono() - begun >= CLOCK_MS(150));
	jwks_source_free(&s);
	web_server_stop(&server);
}

/* --- TLS ----------------------------------------------------------------- */

static void verifies_the_server(void **state)
{
	(void)state;
	struct web_server server, plain;
	struct web_certificate mine, other, foreign;
	web_certificate_make(&mine, "IP:127.0.0.1");
	web_certificate_make(&other, "IP:127.0.0.1");
	web_certificate_make(&foreign, "DNS:id.example");
	web_server_start(&server, &mine);
	web_server_says(&server, 200, "", set_a);
	struct jwks_source *s =
	    source_of(server.url, mine.file, LONG, LONG, CLOCK_MS(1));
	assert_int_equal(after(s, 1, 0).keys, 1);
	jwks_source_free(&s);
	/* Signed by another one, or by none that the system knows. */
	const char *const others[] = {other.file, ""};
	for (int i = 0; i < 2; i++) {
		s = source_of(server.url, others[i], LONG, LONG, LONG);
		assert_true(after(s, 0, 1).error[0]);
		assert_null(jwks_source_take(s));
		jwks_source_free(&s);
	}
	/* A redirect from http to https is followed, for it is verified. */
	char location[128];
	snprintf(location, sizeof location, "Location: %s\r\n", server.url);
	web_server_start(&plain, NULL);
	web_server_says(&plain, 302, location, "");
	s = source_of(plain.url, mine.file, LONG, LONG, LONG);
	assert_int_equal(after(s, 1, 0).keys, 1);
	jwks_source_free(&s);
	/* But none from https to http. */
	snprintf(location, sizeof location, "Location: %s\r\n", plain.url);
	web_server_says(&plain, 200, "", set_a);
	web_server_says(&server, 302, location, "");
	s = source_of(server.url, mine.file, LONG, LONG, LONG);
	after(s, 0, 1);
	assert_null(jwks_source_take(s));
	jwks_source_free(&s);
	web_server_stop(&server);
	web_server_stop(&plain);
	/* The certificate of another host. */
	web_server_start(&server, &foreign);
	web_server_says(&server, 200, "", set_a);
	s = source_of(server.url, foreign.file, LONG, LONG, LONG);
	assert_true(after(s, 0, 1).error[0]);
	assert_null(jwks_source_take(s));
	jwks_source_free(&s);
	web_server_stop(&server);
	web_certificate_free(&mine);
	web_certificate_free(&other);
	web_certificate_free(&foreign);
}

/* --- threads ------------------------------------------------------------- */

struct reader {
	struct jwks_source *source;
	atomic_bool *stop;
	size_t taken;
};

/* A set never gets older, and the one of a generation is there with it. A
 * thread that got no processor until the end takes one set then. */
static void *read_all_the_time(void *arg)
{
	struct reader *r = arg;
	uint64_t before = 0;
	while (!atomic_load(r->stop) || r->taken == 0) {
		uint64_t generation = jwks_source_generation(r->source);
		struct jwks *set = jwks_source_take(r->source);
		const struct jwk *k;
		CHECK(generation >= before && (generation == 0 || set));
		if (set) {
			CHECK(jwks_find(set, "a", JWK_EDDSA, &k) == JWKS_FOUND);
			r->taken++;
		}
		jwks_release(&set);
		jwks_source_unknown(r->source, generation, 7);
		before = generation;
	}
	return NULL;
}

static void is_shared_by_threads(void **state)
{
	(void)state;
	enum { READERS = 3, CHANGES = 20 };
	struct web_server server;
	struct reader readers[READERS];
	pthread_t threads[READERS];
	atomic_bool stop = false;
	web_server_start(&server, NULL);
	web_server_says(&server, 200, "", set_a);
	struct jwks_source *s = source_of(server.url, "", LONG, LONG, 0);
	for (int i = 0; i < READERS; i++) {
		readers[i] = (struct reader){s, &stop, 0};
		CHECK_OS(pthread_create(
		    &threads[i], NULL, read_all_the_time, &readers[i]));
	}
	for (int i = 0; i < CHANGES; i++) {
		uint64_t fetched = jwks_source_state(s).fetched;
		web_server_says(&server, 200, "", i % 2 ? set_a : set_b);
		after(s, fetched + 2, 0);
	}
	atomic_store(&stop, true);
	for (int i = 0; i < READERS; i++) {
		CHECK_OS(pthread_join(threads[i], NULL));
		assert_true(readers[i].taken > 0);
	}
	assert_true(jwks_source_generation(s) >= CHANGES);
	jwks_source_free(&s);
	web_server_stop(&server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(reads_a_file),
	    cmocka_unit_test(refuses_to_start),
	    cmocka_unit_test(fetches_and_exchanges),
	    cmocka_unit_test(waits_for_a_server),
	    cmocka_unit_test(keeps_its_keys),
	    cmocka_unit_test(bounds_the_answer),
	    cmocka_unit_test(outlives_a_server_that_hangs),
	    cmocka_unit_test(asks_for_unknown_keys),
	    cmocka_unit_test(asks_seldom),
	    cmocka_unit_test(verifies_the_server),
	    cmocka_unit_test(is_shared_by_threads),
	};
	return cmocka_run_group_tests(tests, make_sets, free_sets);
}
