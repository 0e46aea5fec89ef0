/* Listening sockets, each of them tried with a connection. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/http/listener.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static bool connects(int port)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
	    .sin_port = htons((uint16_t)port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_true(fd >= 0);
	int rc = connect(fd, (struct sockaddr *)&a, sizeof a);
	close(fd);
	return rc == 0;
}

static struct err listening(
    const char *address, bool shared, int *fd, int *port)
{
	struct err e = listener_bind(address, shared, fd, port);
	return e.kind == ERR_KIND_OK ? listener_start(*fd, address) : e;
}

static void any_port(void **state)
{
	(void)state;
	static const char *const table[] = {
	    "127.0.0.1:0", "0.0.0.0:0", "*:0", "localhost:0"};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		int fd = -1, port = 0, accepting = 0;
		socklen_t len = sizeof accepting;
		struct err e = listening(table[i], false, &fd, &port);
		assert_int_equal(e.kind, ERR_KIND_OK);
		assert_true(fd >= 0 && port > 0 && port < 65536);
		assert_int_equal(
		    getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &accepting, &len),
		    0);
		assert_true(accepting);
		assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
		assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
		if (strcmp(table[i], "localhost:0") != 0) /* may be ::1 */
			assert_true(connects(port));
		close(fd);
	}
}

static void six(void **state)
{
	(void)state;
	int fd, port;
	int probe = socket(AF_INET6, SOCK_STREAM, 0);
	struct sockaddr_in6 a = {
	    .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	bool here =
	    probe >= 0 && bind(probe, (struct sockaddr *)&a, sizeof a) == 0;
	if (probe >= 0)
		close(probe);
	if (!here)
		skip(); /* a machine without IPv6 */
	struct err e = listening("[::1]:0", false, &fd, &port);
	assert_int_equal(e.kind, ERR_KIND_OK);
	assert_true(port > 0);
	close(fd);
}

static struct err open_port(int port, bool shared, int *fd)
{
	char address[32];
	int got = 0;
	snprintf(address, sizeof address, "127.0.0.1:%d", port);
	struct err e = listening(address, shared, fd, &got);
	if (e.kind == ERR_KIND_OK)
		assert_int_equal(got, port);
	return e;
}

/* Taken is taken; shared sockets have one port, but not with others. */
static void sharing(void **state)
{
	(void)state;
	int first, second, third, port;
	struct err e = listening("127.0.0.1:0", true, &first, &port);
	assert_int_equal(e.kind, ERR_KIND_OK);
	assert_int_equal(open_port(port, true, &second).kind, ERR_KIND_OK);
	e = open_port(port, false, &third);
	assert_int_equal(e.kind, ERR_KIND_FATAL);
	assert_string_equal(e.code, "listen");
	assert_non_null(strstr(e.msg, "cannot listen on 127.0.0.1:"));
	assert_non_null(strstr(e.msg, "in use"));
	close(first);
	assert_true(connects(port)); /* the other one is there */
	close(second);
	assert_false(connects(port));
	assert_int_equal(open_port(port, false, &first).kind, ERR_KIND_OK);
	e = open_port(port, true, &second);
	assert_int_equal(e.kind, ERR_KIND_FATAL);
	e = open_port(port, false, &second);
	assert_int_equal(e.kind, ERR_KIND_FATAL);
	close(first);
}

/* A refused address leaves no descriptor behind. */
static int lowest_free(void)
{
	int fd = dup(STDERR_FILENO);
	assert_true(fd >= 0);
	close(fd);
	return fd;
}

static void no_address(void **state)
{
	(void)state;
	int before = lowest_free();
	static const char *const table[] = {"300.1.1.1:80", "127.0.0.1:x",
	    "[::zz]:80", "[:80", "192.0.2.1:0", "nowhere", ""};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		int fd = -1, port = 0;
		struct err e = listening(table[i], false, &fd, &port);
		assert_int_equal(e.kind, ERR_KIND_FATAL);
		assert_non_null(strstr(e.msg, table[i]));
		assert_int_equal(fd, -1);
		assert_int_equal(lowest_free(), before);
	}
}

/* The address is had, and nobody gets in. */
static void not_started(void **state)
{
	(void)state;
	int fd, port;
	struct err e = listener_bind("127.0.0.1:0", false, &fd, &port);
	assert_int_equal(e.kind, ERR_KIND_OK);
	assert_false(connects(port));
	assert_int_equal(listener_start(fd, "it").kind, ERR_KIND_OK);
	assert_true(connects(port));
	e = listener_start(STDIN_FILENO, "no socket");
	assert_int_equal(e.kind, ERR_KIND_FATAL);
	assert_non_null(strstr(e.msg, "no socket"));
	close(fd);
}

static int client_of(int port)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
	    .sin_port = htons((uint16_t)port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
	return fd;
}

/* Who is in the queue stays there. */
static void refusing(void **state)
{
	(void)state;
	int fd, port, clients[3];
	char byte;
	struct err e = listening("127.0.0.1:0", true, &fd, &port);
	assert_int_equal(e.kind, ERR_KIND_OK);
	for (int i = 0; i < 3; i++)
		clients[i] = client_of(port);
	assert_int_equal(listener_queued(fd), 3);
	listener_refuse(fd);
	assert_false(connects(port));
	for (int i = 0; i < 3; i++) {
		assert_int_equal(listener_queued(fd), 3 - i);
		int served = accept(fd, NULL, NULL);
		assert_true(served >= 0);
		assert_int_equal(send(served, "x", 1, 0), 1);
		close(served);
	}
	assert_int_equal(listener_queued(fd), 0);
	close(fd);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(recv(clients[i], &byte, 1, 0), 1);
		assert_int_equal(recv(clients[i], &byte, 1, 0), 0);
		close(clients[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(any_port),
	    cmocka_unit_test(six),
	    cmocka_unit_test(sharing),
	    cmocka_unit_test(no_address),
	    cmocka_unit_test(not_started),
	    cmocka_unit_test(refusing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
