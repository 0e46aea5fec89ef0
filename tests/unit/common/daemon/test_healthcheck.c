/* A listener in another process answers, or does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/daemon/healthcheck.h"
#include "common/http/listener.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* Takes one connection and answers it, if it is asked as it should be. */
static void serve(int fd, const char *answer)
{
	char request[512] = "";
	struct pollfd p = {.fd = fd, .events = POLLIN};
	poll(&p, 1, 10000);
	const int c = accept(fd, NULL, NULL);
	if (c < 0)
		_exit(1);
	p.fd = c;
	poll(&p, 1, 10000);
	if (recv(c, request, sizeof request - 1, 0) <= 0 ||
	    strncmp(request, "GET /readyz HTTP/1.1\r\n", 22) != 0 ||
	    strstr(request, "\r\nHost: ") == NULL)
		_exit(1);
	if (answer == NULL)
		pause();
	const size_t len = strlen(answer);
	/* In two pieces: what comes in one is luck. */
	send(c, answer, len / 2, 0);
	send(c, answer + len / 2, len - len / 2, 0);
	close(c);
	_exit(0);
}

static struct err ask(
    const char *host, const char *answer, dur_us_t timeout, struct buf *body)
{
	int fd, port;
	char address[64];
	snprintf(address, sizeof address, "%s:0", host);
	assert_int_equal(
	    listener_bind(address, false, &fd, &port).kind, ERR_KIND_OK);
	assert_int_equal(listener_start(fd, address).kind, ERR_KIND_OK);
	snprintf(address, sizeof address, "%s:%d", host, port);
	const pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		serve(fd, answer);
	close(fd);
	const struct err e =
	    healthcheck_ask(address, false, "readyz", timeout, body);
	int status = 0;
	kill(pid, answer ? 0 : SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(answer == NULL || status == 0);
	return e;
}

static void answers(void **state)
{
	(void)state;
	static const struct {
		const char *answer;
		enum err_kind kind;
		const char *body;
	} table[] = {
	    {"HTTP/1.1 200 OK\r\nX: y\r\n\r\nready\n", ERR_KIND_OK, "ready\n"},
	    {"HTTP/1.0 200 OK\r\n\r\n", ERR_KIND_OK, ""},
	    {"HTTP/1.1 503 No\r\n\r\nredis is away\n", ERR_KIND_RETRY,
		"redis is away\n"},
	    {"HTTP/1.1 404 No\r\n\r\n", ERR_KIND_RETRY, ""},
	    {"HTTP/1.1 200 OK\r\nX: y\r\n", ERR_KIND_RETRY, ""},
	    {"SSH-2.0 200 OK\r\n\r\nhello", ERR_KIND_RETRY, ""},
	    {"", ERR_KIND_RETRY, ""},
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct buf body = {0};
		struct err e =
		    ask("127.0.0.1", table[i].answer, CLOCK_S(20), &body);
		assert_int_equal(e.kind, table[i].kind);
		assert_string_equal(body.data ? body.data : "", table[i].body);
		buf_free(&body);
	}
}

/* A daemon listens on all addresses where its container is what is asked. */
static void every_address(void **state)
{
	(void)state;
	static const char *const hosts[] = {"0.0.0.0", "*", "localhost"};
	for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
		struct buf body = {0};
		struct err e = ask(hosts[i], "HTTP/1.1 200 OK\r\n\r\nok\n",
		    CLOCK_S(20), &body);
		assert_int_equal(e.kind, ERR_KIND_OK);
		assert_string_equal(body.data, "ok\n");
		buf_free(&body);
	}
}

static void silence(void **state)
{
	(void)state;
	struct buf body = {0};
	const mono_us_t begin = clock_mono();
	struct err e = ask("127.0.0.1", NULL, CLOCK_MS(100), &body);
	assert_int_equal(e.kind, ERR_KIND_RETRY);
	assert_true(strstr(e.msg, "in time") != NULL);
	assert_true(clock_mono() - begin >= CLOCK_MS(100));
	assert_int_equal(body.len, 0);
}

static void nobody(void **state)
{
	(void)state;
	struct buf body = {0};
	char address[32];
	int fd, port;
	assert_int_equal(
	    listener_bind("127.0.0.1:0", false, &fd, &port).kind, ERR_KIND_OK);
	close(fd);
	snprintf(address, sizeof address, "127.0.0.1:%d", port);
	struct err e =
	    healthcheck_ask(address, false, "livez", CLOCK_S(20), &body);
	assert_int_equal(e.kind, ERR_KIND_RETRY);
	static const char *const bad[] = {"127.0.0.1:0", "nonsense", "[::1"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		e = healthcheck_ask(bad[i], false, "livez", CLOCK_S(20), &body);
		assert_int_equal(e.kind, ERR_KIND_FATAL);
		assert_true(strstr(e.msg, bad[i]) != NULL);
	}
	assert_int_equal(body.len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(answers),
	    cmocka_unit_test(every_address),
	    cmocka_unit_test(silence),
	    cmocka_unit_test(nobody),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
