#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/http/tls_transport.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct pair {
	int near, far;
	struct tls_transport *t;
};

static int set_up(void **state)
{
	static struct pair p;
	int fds[2];
	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	p.near = fds[0];
	p.far = fds[1];
	p.t = tls_transport_new(p.near);
	*state = &p;
	return 0;
}

static int tear_down(void **state)
{
	struct pair *p = *state;
	tls_transport_free(&p->t);
	assert_null(p->t);
	close(p->near);
	close(p->far);
	return 0;
}

static void pushed(struct pair *p, const char *a, const char *b, ssize_t want)
{
	const giovec_t iov[] = {{(void *)(uintptr_t)a, strlen(a)},
	    {(void *)(uintptr_t)b, strlen(b)}};
	assert_int_equal(tls_transport_push(p->t, iov, 2), want);
}

static void arrives(struct pair *p, const char *want)
{
	char got[64];
	ssize_t n = recv(p->far, got, sizeof got, 0);
	if (*want == '\0') {
		assert_int_equal(n, -1);
		assert_int_equal(errno, EAGAIN);
		return;
	}
	assert_int_equal(n, strlen(want));
	assert_memory_equal(got, want, strlen(want));
}

static void one_call_reads_what_there_is(void **state)
{
	struct pair *p = *state;
	char out[8];
	assert_int_equal(send(p->far, "12345record", 11, 0), 11);
	assert_int_equal(tls_transport_pull(p->t, out, 5), 5);
	assert_memory_equal(out, "12345", 5);
	assert_int_equal(recv(p->near, out, sizeof out, 0), -1);
	assert_int_equal(tls_transport_pull(p->t, out, 4), 4);
	assert_memory_equal(out, "reco", 4);
	assert_int_equal(tls_transport_pull(p->t, out, 8), 2);
	assert_memory_equal(out, "rd", 2);
	assert_int_equal(tls_transport_pull(p->t, out, 5), -1);
	assert_int_equal(errno, EAGAIN);
	close(p->far);
	p->far = dup(p->near);
	assert_int_equal(tls_transport_pull(p->t, out, 5), 0);
}

static void a_long_rest_is_read_in_place(void **state)
{
	struct pair *p = *state;
	static char in[4 * TLS_TRANSPORT_AHEAD], out[sizeof in];
	for (size_t i = 0; i < sizeof in; i++)
		in[i] = (char)i;
	assert_int_equal(send(p->far, in, sizeof in, 0), sizeof in);
	size_t at = 0;
	assert_int_equal(tls_transport_pull(p->t, out, 5), 5);
	at = 5;
	assert_int_equal(tls_transport_pull(p->t, out + at, sizeof out - at),
	    TLS_TRANSPORT_AHEAD - 5);
	at = TLS_TRANSPORT_AHEAD;
	assert_int_equal(tls_transport_pull(p->t, out + at, sizeof out - at),
	    sizeof out - at);
	assert_memory_equal(in, out, sizeof in);
}

static void a_head_waits_for_the_body(void **state)
{
	struct pair *p = *state;
	pushed(p, "a", "b", 2);
	arrives(p, "ab");
	tls_transport_hold_head(p->t);
	pushed(p, "he", "ad", 4);
	arrives(p, "");
	pushed(p, "bo", "dy", 4);
	arrives(p, "headbody");
	tls_transport_flush(p->t);
	arrives(p, "");
	pushed(p, "more", "", 4);
	arrives(p, "more");
}

static void a_head_without_a_body_leaves(void **state)
{
	struct pair *p = *state;
	tls_transport_hold_head(p->t);
	pushed(p, "he", "ad", 4);
	tls_transport_flush(p->t);
	arrives(p, "head");
	/* Nothing was sent: what comes next is no head. */
	tls_transport_hold_head(p->t);
	tls_transport_flush(p->t);
	pushed(p, "a", "b", 2);
	arrives(p, "ab");
}

static void a_large_head_leaves_at_once(void **state)
{
	struct pair *p = *state;
	static char large[TLS_TRANSPORT_HEAD + 2], got[sizeof large];
	memset(large, 'x', sizeof large - 1);
	tls_transport_hold_head(p->t);
	pushed(p, large, "", TLS_TRANSPORT_HEAD + 1);
	assert_int_equal(
	    recv(p->far, got, sizeof got, 0), TLS_TRANSPORT_HEAD + 1);
	pushed(p, "body", "", 4);
	arrives(p, "body");
}

/* The socket is full: nothing counts as sent, nothing is lost or sent twice. */
static void a_full_socket(void **state)
{
	struct pair *p = *state;
	static char block[4096];
	size_t full = 0, back = 0;
	ssize_t n;
	while ((n = send(p->near, block, sizeof block, MSG_DONTWAIT)) > 0)
		full += (size_t)n;
	tls_transport_hold_head(p->t);
	pushed(p, "head", "", 4);
	pushed(p, "body", "", -1);
	assert_int_equal(errno, EAGAIN);
	tls_transport_flush(p->t);
	while (back < full) {
		n = recv(p->far, block, sizeof block, 0);
		assert_true(n > 0);
		back += (size_t)n;
	}
	pushed(p, "body", "", 4);
	arrives(p, "headbody");
}

static void a_broken_socket(void **state)
{
	struct pair *p = *state;
	close(p->far);
	p->far = dup(p->near);
	tls_transport_hold_head(p->t);
	pushed(p, "head", "", 4);
	pushed(p, "body", "", -1);
	assert_int_equal(errno, EPIPE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	    TEST(one_call_reads_what_there_is),
	    TEST(a_long_rest_is_read_in_place),
	    TEST(a_head_waits_for_the_body),
	    TEST(a_head_without_a_body_leaves),
	    TEST(a_large_head_leaves_at_once),
	    TEST(a_full_socket),
	    TEST(a_broken_socket),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
