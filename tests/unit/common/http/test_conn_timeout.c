/* The ages of a connection, on a clock of the test's own; what is read of an
 * answer, on a connection to ourselves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/http/conn_timeout.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static const struct conn_timeout_limits limits = {
    .first = 50, .idle = 300, .receive = 200, .send = 100};

struct pair {
	int server, client;
};

static int pair_open(void **state)
{
	static struct pair pair;
	struct sockaddr_in at = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof at;
	int little = 4096;
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&at, len), 0);
	assert_int_equal(listen(listener, 1), 0);
	getsockname(listener, (struct sockaddr *)&at, &len);
	pair.client = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(pair.client, SOL_SOCKET, SO_RCVBUF, &little, sizeof little);
	assert_int_equal(connect(pair.client, (struct sockaddr *)&at, len), 0);
	pair.server = accept(listener, NULL, NULL);
	assert_true(pair.server >= 0);
	close(listener);
	*state = &pair;
	return 0;
}

static int pair_close(void **state)
{
	struct pair *pair = *state;
	close(pair->server);
	close(pair->client);
	return 0;
}

static void send_until_full(int fd)
{
	static const char bytes[65536];
	while (send(fd, bytes, sizeof bytes, MSG_DONTWAIT) > 0)
		;
	assert_int_equal(errno, EAGAIN);
}

/* The client takes something, until there is room again. */
static void take_some(const struct pair *pair)
{
	static char bytes[65536];
	struct pollfd room = {.fd = pair->server, .events = POLLOUT};
	while (poll(&room, 1, 0) == 0)
		assert_true(read(pair->client, bytes, sizeof bytes) > 0);
}

static void who_reads_nothing(void **state)
{
	const struct pair *pair = *state;
	struct conn_timeout p;
	conn_timeout_enter(&p, CONN_TIMEOUT_ANSWERING, 1000);
	/* Nothing is there to be read: it waits for us. */
	assert_false(conn_timeout_over(&p, &limits, pair->server, 1000));
	assert_false(conn_timeout_over(&p, &limits, pair->server, 5000));
	send_until_full(pair->server);
	/* What fits is taken by the client's kernel: not at once. */
	mono_us_t at = 5000;
	bool over = false;
	for (int i = 0; i < 10 && !over; i++)
		over = conn_timeout_over(&p, &limits, pair->server, at += 101);
	assert_true(over);
	for (int i = 0; i < 3; i++) {
		take_some(pair);
		assert_false(
		    conn_timeout_over(&p, &limits, pair->server, at += 1000));
		send_until_full(pair->server);
	}
}

/* 1000 bytes a second, after a second. */
static const struct conn_timeout_limits rated = {.receive = CLOCK_S(1000),
    .send = CLOCK_S(1000),
    .min_send = 1000,
    .min_receive = 1000,
    .grace = CLOCK_S(1)};

/* Takes something every second, and less than it must. */
static void who_reads_slowly(void **state)
{
	const struct pair *pair = *state;
	static const enum conn_timeout_phase phases[] = {
	    CONN_TIMEOUT_ANSWERING, CONN_TIMEOUT_STREAMING};
	struct conn_timeout p;
	for (size_t i = 0; i < 2; i++) {
		mono_us_t at = CLOCK_S(1);
		bool over = false;
		conn_timeout_enter(&p, phases[i], at);
		send_until_full(pair->server);
		int looks = 0;
		for (; looks < 2000 && !over; looks++) {
			char some[100];
			assert_true(read(pair->client, some, sizeof some) > 0);
			over = conn_timeout_over(
			    &p, &rated, pair->server, at += CLOCK_S(1));
		}
		assert_true(over && looks > 1);
	}
}

static void who_reads_as_fast_as_it_must(void **state)
{
	const struct pair *pair = *state;
	struct conn_timeout p;
	mono_us_t at = CLOCK_S(1);
	conn_timeout_enter(&p, CONN_TIMEOUT_STREAMING, at);
	send_until_full(pair->server);
	/* It takes much more than 1000 bytes a round. */
	for (int i = 0; i < 20; i++) {
		assert_false(conn_timeout_over(
		    &p, &rated, pair->server, at += CLOCK_S(1)));
		take_some(pair);
		send_until_full(pair->server);
	}
}

static void read_all(const struct pair *pair)
{
	static char bytes[65536];
	struct pollfd more = {.fd = pair->client, .events = POLLIN};
	int left = 1;
	while (left) {
		if (poll(&more, 1, 10) > 0)
			assert_true(
			    read(pair->client, bytes, sizeof bytes) > 0);
		assert_int_equal(ioctl(pair->server, SIOCOUTQ, &left), 0);
	}
}

/* Little, because there is little to take: for hours. */
static void a_stream_with_little_to_say(void **state)
{
	const struct pair *pair = *state;
	struct conn_timeout p;
	mono_us_t at = CLOCK_S(1);
	conn_timeout_enter(&p, CONN_TIMEOUT_STREAMING, at);
	for (int i = 0; i < 20; i++) {
		char event[5];
		assert_int_equal(send(pair->server, "event", 5, 0), 5);
		assert_false(conn_timeout_over(
		    &p, &rated, pair->server, at += CLOCK_S(100)));
		assert_int_equal(read(pair->client, event, 5), 5);
	}
	/* What it was slow at before does not count. */
	send_until_full(pair->server);
	assert_false(
	    conn_timeout_over(&p, &rated, pair->server, at += CLOCK_S(1)));
	read_all(pair);
	assert_false(
	    conn_timeout_over(&p, &rated, pair->server, at += CLOCK_S(100)));
}

static void who_sends_slowly(void **state)
{
	(void)state;
	struct conn_timeout p;
	conn_timeout_enter(&p, CONN_TIMEOUT_RECEIVING, CLOCK_S(10));
	conn_timeout_got(&p, 500);
	assert_false(conn_timeout_over(&p, &rated, -1, CLOCK_S(11)));
	conn_timeout_got(&p, 1501);
	assert_false(conn_timeout_over(&p, &rated, -1, CLOCK_S(12)));
	/* Waiting for us does not count. */
	conn_timeout_hold(&p, CLOCK_S(12));
	assert_false(conn_timeout_over(&p, &rated, -1, CLOCK_S(90)));
	conn_timeout_let_go(&p, CLOCK_S(90));
	assert_false(conn_timeout_over(&p, &rated, -1, CLOCK_S(90)));
	assert_true(conn_timeout_over(&p, &rated, -1, CLOCK_S(91)));
}

static void the_next_answer(void **state)
{
	const struct pair *pair = *state;
	struct conn_timeout p;
	conn_timeout_enter(&p, CONN_TIMEOUT_ANSWERING, 1000);
	send_until_full(pair->server);
	assert_false(conn_timeout_over(&p, &limits, pair->server, 1000));
	conn_timeout_enter(&p, CONN_TIMEOUT_IDLE, 1050);
	conn_timeout_enter(&p, CONN_TIMEOUT_ANSWERING, 2000);
	assert_false(conn_timeout_over(&p, &limits, pair->server, 2090));
	conn_timeout_enter(&p, CONN_TIMEOUT_STREAMING, 2000);
	assert_false(conn_timeout_over(&p, &limits, pair->server, 1000000));
}

static void ages(void **state)
{
	const struct pair *pair = *state;
	struct conn_timeout p;
	conn_timeout_enter(&p, CONN_TIMEOUT_NEW, 1000);
	assert_false(conn_timeout_over(&p, &limits, pair->server, 1050));
	assert_true(conn_timeout_over(&p, &limits, pair->server, 1051));
	conn_timeout_enter(&p, CONN_TIMEOUT_IDLE, 1000);
	assert_false(conn_timeout_over(&p, &limits, pair->server, 1300));
	assert_true(conn_timeout_over(&p, &limits, pair->server, 1301));
	conn_timeout_enter(&p, CONN_TIMEOUT_RECEIVING, 2000);
	assert_false(conn_timeout_over(&p, &limits, pair->server, 2200));
	assert_true(conn_timeout_over(&p, &limits, pair->server, 2201));
	conn_timeout_enter(&p, CONN_TIMEOUT_RECEIVING, 3000);
	conn_timeout_hold(&p, 3150);
	assert_false(conn_timeout_over(&p, &limits, pair->server, 9000));
	conn_timeout_let_go(&p, 10000);
	assert_false(conn_timeout_over(&p, &limits, pair->server, 10050));
	assert_true(conn_timeout_over(&p, &limits, pair->server, 10051));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		who_reads_nothing, pair_open, pair_close),
	    cmocka_unit_test_setup_teardown(
		who_reads_slowly, pair_open, pair_close),
	    cmocka_unit_test_setup_teardown(
		who_reads_as_fast_as_it_must, pair_open, pair_close),
	    cmocka_unit_test_setup_teardown(
		a_stream_with_little_to_say, pair_open, pair_close),
	    cmocka_unit_test(who_sends_slowly),
	    cmocka_unit_test_setup_teardown(
		the_next_answer, pair_open, pair_close),
	    cmocka_unit_test_setup_teardown(ages, pair_open, pair_close),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
