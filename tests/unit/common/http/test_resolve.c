/* Names to addresses, off the loop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/http/resolve.h"

#include <stdio.h>
#include <string.h>

static struct loop *loop;
static int calls;
static char got[64], failure[128];

static void done(void *arg, const char *address, const char *error)
{
	assert_ptr_equal(arg, &calls);
	calls++;
	snprintf(got, sizeof got, "%s", address ? address : "");
	snprintf(failure, sizeof failure, "%s", error ? error : "");
	loop_stop(loop);
}

static void ask(const char *host)
{
	calls = 0;
	loop = loop_new();
	assert_non_null(resolve_start(loop, host, done, &calls));
	assert_int_equal(calls, 0); /* never from inside */
	loop_run(loop);
	assert_int_equal(calls, 1);
	loop_free(&loop);
}

static void addresses(void **state)
{
	(void)state;
	ask("127.0.0.1");
	assert_string_equal(got, "127.0.0.1");
	ask("::1");
	assert_string_equal(got, "::1");
	ask("localhost");
	assert_true(strcmp(got, "127.0.0.1") == 0 || strcmp(got, "::1") == 0);
	ask("no such name");
	assert_string_equal(got, "");
	assert_true(failure[0]);
}

/* Whoever cancelled hears nothing, and nothing is left behind. */
static void cancelled(void **state)
{
	(void)state;
	calls = 0;
	loop = loop_new();
	struct resolve *r = resolve_start(loop, "127.0.0.1", done, &calls);
	resolve_cancel(&r);
	assert_null(r);
	resolve_cancel(&r); /* harmless */
	loop_free(&loop);
	assert_int_equal(calls, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(addresses),
	    cmocka_unit_test(cancelled),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
