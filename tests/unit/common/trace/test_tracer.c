/* The tracer: which requests are sampled; and its thread, which takes spans
 * from many threads and gives them to a collector: one that takes them, refuses
 * them, never answers, or is another one than it says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/trace/tracer.h"

#include "tests/unit/web_server.h"

#include <string.h>
#include <unistd.h>

/* A test that waits longer has failed. */
#define PATIENCE CLOCK_S(60)
#define PARENT "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-"

static metric_t exported, dropped, failed;

static struct tracer *tracer_to(const char *url, const char *ca, size_t queue)
{
	exported = dropped = failed = 0;
	return tracer_new(&(struct tracer_options){
	    .service = "test",
	    .url = url,
	    .ca = ca,
	    .header = "",
	    .ratio = 1,
	    .queue = queue,
	    .interval = CLOCK_MS(1),
	    .counters = {&exported, &dropped, &failed},
	});
}

static void wait_for(const metric_t *counter, int64_t n)
{
	mono_us_t end = clock_mono() + PATIENCE;
	while (metric_get(counter) < n) {
		if (clock_mono() > end)
			fail_msg("%lld exported, %lld dropped, %lld failed",
			    (long long)metric_get(&exported),
			    (long long)metric_get(&dropped),
			    (long long)metric_get(&failed));
		usleep(500);
	}
	assert_int_equal(metric_get(counter), n);
}

static void send_spans(struct tracer *t, struct random *dice, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct span_start s;
		CHECK(tracer_begin(t, NULL, dice, &s));
		tracer_send(t, tracer_end(&s, SPAN_INTERNAL, "a span"));
	}
}

/* --- what is sampled ----------------------------------------------------- */

static void samples_what_the_client_samples(void **state)
{
	(void)state;
	static const struct {
		const char *parent;
		bool sampled, goes_on;
	} rows[] = {
	    {PARENT "01", true, true},
	    {PARENT "00", false, false},
	    /* Malformed, or none: the ratio decides, and it is 1. */
	    {PARENT "01-x", true, false},
	    {"", true, false},
	    {NULL, true, false},
	};
	struct tracer *t = tracer_to("http://127.0.0.1:1/", "", 8);
	struct random dice;
	random_init(&dice, 1);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *parent = rows[i].parent;
		struct span_start s;
		assert_int_equal(
		    tracer_begin(t, parent, &dice, &s), rows[i].sampled);
		if (rows[i].sampled)
			assert_int_equal(
			    s.parent == 0xf067aa0ba902b7, rows[i].goes_on);
		/* A follower never begins a trace. */
		assert_int_equal(
		    tracer_follow(t, parent, parent ? strlen(parent) : 0, &s),
		    rows[i].goes_on);
		assert_int_equal(span_is_on(&s), rows[i].goes_on);
		assert_false(tracer_begin(NULL, parent, &dice, &s));
	}
	tracer_free(&t);
	tracer_free(&t);
}

/* --- threads ------------------------------------------------------------- */

enum { SENDERS = 3, EACH = 400 };

static void *send_many(void *arg)
{
	struct random dice;
	random_init(&dice, (uintptr_t)&dice);
	send_spans(arg, &dice, EACH);
	return NULL;
}

/* Every span comes to the collector once. */
static void takes_spans_from_many_threads(void **state)
{
	(void)state;
	struct web_server server;
	pthread_t threads[SENDERS];
	web_server_start(&server, NULL);
	web_server_says(&server, 200, "", "{}");
	struct tracer *t = tracer_to(server.url, "", SENDERS * EACH);
	for (int i = 0; i < SENDERS; i++)
		CHECK_OS(pthread_create(&threads[i], NULL, send_many, t));
	for (int i = 0; i < SENDERS; i++)
		CHECK_OS(pthread_join(threads[i], NULL));
	wait_for(&exported, SENDERS * EACH);
	assert_int_equal(
	    web_server_count(&server, "\"spanId\""), SENDERS * EACH);
	assert_int_equal(metric_get(&dropped) + metric_get(&failed), 0);
	tracer_free(&t);
	web_server_stop(&server);
}

/* --- collectors ---------------------------------------------------------- */

static void drops_what_does_not_fit(void **state)
{
	(void)state;
	struct web_server server;
	struct random dice;
	random_init(&dice, 1);
	web_server_start(&server, NULL);
	web_server_says(&server, WEB_SERVER_HANGS, "", "");
	struct tracer *t = tracer_to(server.url, "", 4);
	send_spans(t, &dice, 1);
	web_server_wait(&server, 1);
	send_spans(t, &dice, 10);
	assert_int_equal(metric_get(&dropped), 6);
	/* The end waits for the answer, but not for long. */
	tracer_free(&t);
	assert_int_equal(metric_get(&exported), 0);
	assert_int_equal(metric_get(&failed), 5);
	web_server_stop(&server);
}

static void counts_what_is_refused(void **state)
{
	(void)state;
	struct web_server server;
	struct random dice;
	random_init(&dice, 1);
	web_server_start(&server, NULL);
	web_server_says(&server, 400, "", "no");
	struct tracer *t = tracer_to(server.url, "", 8);
	send_spans(t, &dice, 1);
	wait_for(&failed, 1);
	assert_int_equal(web_server_requests(&server), 1);
	tracer_free(&t);
	web_server_stop(&server);
}

/* A span must not go to a server whose certificate is not good. */
static void verifies_the_collector(void **state)
{
	(void)state;
	struct web_server server;
	struct web_certificate mine, other;
	struct random dice;
	random_init(&dice, 1);
	web_certificate_make(&mine, "IP:127.0.0.1");
	web_certificate_make(&other, "IP:127.0.0.1");
	web_server_start(&server, &mine);
	web_server_says(&server, 200, "", "{}");
	struct tracer *t = tracer_to(server.url, mine.file, 8);
	send_spans(t, &dice, 1);
	wait_for(&exported, 1);
	tracer_free(&t);
	/* Signed by another one, or by none that the system knows. At the end
	 * of the tracer its attempts follow each other at once. */
	const char *const others[] = {other.file, ""};
	for (int i = 0; i < 2; i++) {
		t = tracer_to(server.url, others[i], 8);
		send_spans(t, &dice, 1);
		tracer_free(&t);
		assert_int_equal(metric_get(&failed), 1);
		assert_int_equal(metric_get(&exported), 0);
	}
	assert_int_equal(web_server_count(&server, "\"spanId\""), 1);
	web_server_stop(&server);
	web_certificate_free(&mine);
	web_certificate_free(&other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(samples_what_the_client_samples),
	    cmocka_unit_test(takes_spans_from_many_threads),
	    cmocka_unit_test(drops_what_does_not_fit),
	    cmocka_unit_test(counts_what_is_refused),
	    cmocka_unit_test(verifies_the_collector),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
