/* The ages of a connection, on a clock of the test's own; what is read of an
 * answer, on a connection to ourselves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/pace.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const struct pace_limits limits = {
    .idle = 300, .receive = 200, .send = 100};

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
	struct pace p;
	pace_enter(&p, PACE_ANSWERING, 1000);
	/* Nothing is there to be read: it waits for us. */
	assert_false(pace_over(&p, &limits, pair->server, 1000));
	assert_false(pace_over(&p, &limits, pair->server, 5000));
	send_until_full(pair->server);
	/* What fits is taken by the client's kernel: not at once. */
	mono_us_t at = 5000;
	bool over = false;
	for (int i = 0; i < 10 && !over; i++)
		over = pace_over(&p, &limits, pair->server, at += 101);
	assert_true(over);
	for (int i = 0; i < 3; i++) {
		take_some(pair);
		assert_false(pace_over(&p, &limits, pair->server, at += 1000));
		send_until_full(pair->server);
	}
}

static void the_next_answer(void **state)
{
	const struct pair *pair = *state;
	struct pace p;
	pace_enter(&p, PACE_ANSWERING, 1000);
	send_until_full(pair->server);
	assert_false(pace_over(&p, &limits, pair->server, 1000));
	pace_enter(&p, PACE_IDLE, 1050);
	pace_enter(&p, PACE_ANSWERING, 2000);
	assert_false(pace_over(&p, &limits, pair->server, 2090));
	pace_enter(&p, PACE_STREAMING, 2000);
	assert_false(pace_over(&p, &limits, pair->server, 1000000));
}

static void ages(void **state)
{
	const struct pair *pair = *state;
	struct pace p;
	pace_enter(&p, PACE_IDLE, 1000);
	assert_false(pace_over(&p, &limits, pair->server, 1300));
	assert_true(pace_over(&p, &limits, pair->server, 1301));
	pace_enter(&p, PACE_RECEIVING, 2000);
	assert_false(pace_over(&p, &limits, pair->server, 2200));
	assert_true(pace_over(&p, &limits, pair->server, 2201));
	pace_enter(&p, PACE_RECEIVING, 3000);
	pace_hold(&p, 3150);
	assert_false(pace_over(&p, &limits, pair->server, 9000));
	pace_let_go(&p, 10000);
	assert_false(pace_over(&p, &limits, pair->server, 10050));
	assert_true(pace_over(&p, &limits, pair->server, 10051));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		who_reads_nothing, pair_open, pair_close),
	    cmocka_unit_test_setup_teardown(
		the_next_answer, pair_open, pair_close),
	    cmocka_unit_test_setup_teardown(ages, pair_open, pair_close),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
