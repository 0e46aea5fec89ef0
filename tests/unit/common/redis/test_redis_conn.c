/* A connection to Redis, against a server that says what the test wants: with
 * TLS and without. */
#include "tests/unit/certificates.h"

#include "common/base/check.h"
#include "common/base/loop.h"
#include "common/http/listener.h"
#include "common/net/tls_server.h"
#include "common/redis/redis_conn.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/socket.h>

static char folder[64];
static struct certificate ca, other, server_cert, eve;
static struct tls_server *tls_server, *asking;

static int make_all(void **state)
{
	(void)state;
	snprintf(folder, sizeof folder, "/tmp/sluice-redis-XXXXXX");
	assert_non_null(mkdtemp(folder));
	certificate_authority(&ca, folder, "ca");
	certificate_authority(&other, folder, "other");
	certificate_issue(&server_cert, folder, "s", &ca, "CN=redis", "redis");
	certificate_issue(&eve, folder, "eve", &other, "CN=eve", "eve");
	struct tls_server_options o = {.name = "tls",
	    .cert = server_cert.cert_path,
	    .key = server_cert.key_path,
	    .client_ca = ""};
	assert_int_equal(tls_server_new(&o, &tls_server).kind, ERR_KIND_OK);
	o.client_ca = ca.cert_path;
	assert_int_equal(tls_server_new(&o, &asking).kind, ERR_KIND_OK);
	return 0;
}

static int free_all(void **state)
{
	(void)state;
	tls_server_free(&tls_server);
	tls_server_free(&asking);
	certificate_free(&eve);
	certificate_free(&ca);
	certificate_free(&other);
	certificate_free(&server_cert);
	rmdir(folder);
	return 0;
}

/* --- the server: one connection, on a thread of its own ------------------- */

static struct {
	int listener, port;
	bool tls;
	bool asks;	   /* for a certificate */
	size_t wants;	   /* bytes of commands, before it answers */
	const char *reply; /* NULL: none */
	size_t piece;	   /* its writes have so many bytes */
	char got[4096];
	size_t ngot;
	pthread_t thread;
} server;

static ssize_t server_read(gnutls_session_t s, int fd)
{
	char *to = server.got + server.ngot;
	size_t room = sizeof server.got - 1 - server.ngot;
	return s ? gnutls_record_recv(s, to, room) : recv(fd, to, room, 0);
}

static void server_answer(gnutls_session_t s, int fd)
{
	size_t len = strlen(server.reply);
	for (size_t i = 0; i < len; i += server.piece) {
		size_t n = len - i < server.piece ? len - i : server.piece;
		if (s)
			CHECK(gnutls_record_send(s, server.reply + i, n) > 0);
		else
			CHECK(send(fd, server.reply + i, n, MSG_NOSIGNAL) > 0);
	}
}

static void *server_main(void *arg)
{
	(void)arg;
	int fd = accept(server.listener, NULL, NULL);
	gnutls_session_t s = NULL;
	struct tls_credentials *c = NULL;
	int rc = 0;
	if (server.tls) {
		CHECK(gnutls_init(&s, GNUTLS_SERVER | GNUTLS_NO_SIGNAL) == 0);
		gnutls_transport_set_int(s, fd);
		c = tls_server_begin(server.asks ? asking : tls_server, s);
		do
			rc = gnutls_handshake(s);
		while (rc < 0 && !gnutls_error_is_fatal(rc));
	}
	while (rc == 0 && server.ngot < server.wants) {
		ssize_t n = server_read(s, fd);
		if (n <= 0)
			break;
		server.ngot += (size_t)n;
	}
	if (rc == 0 && server.reply)
		server_answer(s, fd);
	if (s) {
		gnutls_bye(s, GNUTLS_SHUT_WR);
		gnutls_deinit(s);
	}
	tls_credentials_release(&c);
	close(fd);
	return NULL;
}

/* --- the client ----------------------------------------------------------- */

static struct {
	struct loop *loop;
	struct redis_conn *conn;
	const char *const *commands; /* sent when it is open; ends with NULL */
	bool free_early;	     /* in the first reply */
	char replies[1024];
	int nulls;
	char lost[256];
	bool was_open;
} t;

static void on_reply(struct redis_conn *c, const redisReply *reply, void *arg)
{
	char *end = t.replies + strlen(t.replies);
	(void)c;
	if (reply == NULL) {
		t.nulls++;
		return;
	}
	snprintf(end, 64, "%s=%s;", (const char *)arg,
	    reply->str ? reply->str : "?");
	if (t.free_early) {
		redis_conn_free(&t.conn);
		loop_stop(t.loop);
	}
}

static void on_open(void *arg)
{
	(void)arg;
	t.was_open = true;
	for (const char *const *name = t.commands; *name; name++) {
		const char *const argv[] = {"ECHO", *name};
		const size_t lens[] = {4, strlen(*name)};
		redis_conn_command(
		    t.conn, 2, argv, lens, on_reply, (void *)(uintptr_t)*name);
	}
}

static void on_lost(void *arg, const char *why)
{
	(void)arg;
	snprintf(t.lost, sizeof t.lost, "%s", why);
	redis_conn_free(&t.conn);
	loop_stop(t.loop);
}

static void run(const char *const *commands, size_t wants, const char *reply,
    size_t piece, const struct tls_client_options *tls, const char *host)
{
	bool free_early = t.free_early;
	memset(&t, 0, sizeof t);
	t.free_early = free_early;
	t.commands = commands;
	server.tls = tls != NULL;
	server.wants = wants;
	server.reply = reply;
	server.piece = piece;
	server.ngot = 0;
	memset(server.got, 0, sizeof server.got);
	struct err e =
	    listener_bind("127.0.0.1:0", false, &server.listener, &server.port);
	assert_int_equal(e.kind, ERR_KIND_OK);
	e = listener_start(server.listener, "x");
	assert_int_equal(e.kind, ERR_KIND_OK);
	/* Its accept blocks. */
	assert_int_equal(fcntl(server.listener, F_SETFL, 0), 0);
	pthread_create(&server.thread, NULL, server_main, NULL);
	t.loop = loop_new();
	const struct redis_conn_options o = {.loop = loop_uv(t.loop),
	    .address = "127.0.0.1",
	    .port = server.port,
	    .tls = tls,
	    .host = host,
	    .connected = on_open,
	    .lost = on_lost};
	t.conn = redis_conn_new(&o);
	loop_run(t.loop);
	loop_free(&t.loop);
	pthread_join(server.thread, NULL);
	close(server.listener);
}

static struct tls_client_options trusting(const struct certificate *whom)
{
	return (struct tls_client_options){
	    .name = "redis.tls", .ca = whom->cert_path, .cert = "", .key = ""};
}

static const char *const two[] = {"one", "two", NULL};
static const char both_sent[] = "*2\r\n$4\r\nECHO\r\n$3\r\none\r\n"
				"*2\r\n$4\r\nECHO\r\n$3\r\ntwo\r\n";
#define BOTH (sizeof both_sent - 1)

static void replies_in_order(void **state)
{
	(void)state;
	const struct tls_client_options tls = trusting(&ca);
	for (size_t piece = 1; piece < 20; piece++) {
		for (int i = 0; i < 2; i++) {
			run(two, BOTH, "$3\r\nuno\r\n+dos\r\n", piece,
			    i ? &tls : NULL, "redis");
			assert_string_equal(server.got, both_sent);
			assert_string_equal(t.replies, "one=uno;two=dos;");
			assert_int_equal(t.nulls, 0);
			assert_string_equal(t.lost, "connection closed");
		}
	}
}

static void what_is_not_answered(void **state)
{
	(void)state;
	const struct tls_client_options tls = trusting(&ca);
	for (int i = 0; i < 2; i++) {
		run(two, BOTH, "+uno\r\n+d", 99, i ? &tls : NULL, "redis");
		assert_string_equal(t.replies, "one=uno;");
		assert_int_equal(t.nulls, 1);
		assert_string_equal(t.lost, "connection closed");
		t.free_early = true;
		run(two, BOTH, "+uno\r\n+dos\r\n", 99, i ? &tls : NULL,
		    "redis");
		assert_string_equal(t.replies, "one=uno;");
		assert_int_equal(t.nulls, 1);
		assert_string_equal(t.lost, "");
		t.free_early = false;
	}
}

static void foreign_bytes(void **state)
{
	(void)state;
	run(two, BOTH, "HTTP/1.1 400\r\n\r\n", 99, NULL, NULL);
	assert_int_equal(t.nulls, 2);
	assert_non_null(strstr(t.lost, "Protocol error"));
	run(two, BOTH, "+1\r\n+2\r\n+3\r\n", 99, NULL, NULL);
	assert_string_equal(t.replies, "one=1;two=2;");
	assert_string_equal(t.lost, "a reply that nobody asked for");
}

/* More than the buffers of the sockets take at once. */
static void much(void **state)
{
	(void)state;
	enum { EACH = 100000, COUNT = 40 };
	const struct tls_client_options tls = trusting(&ca);
	char *text = malloc(EACH + 1);
	memset(text, 'x', EACH);
	text[EACH] = '\0';
	const char *commands[COUNT + 1] = {NULL};
	for (int i = 0; i < COUNT; i++)
		commands[i] = text;
	/* It reads nothing but the beginning, and closes. */
	for (int i = 0; i < 2; i++) {
		run(commands, 1000, NULL, 1, i ? &tls : NULL, "redis");
		assert_true(t.was_open);
		assert_int_equal(t.nulls, COUNT);
		assert_string_not_equal(t.lost, "");
	}
	free(text);
}

static void a_server_that_is_not_trusted(void **state)
{
	(void)state;
	struct tls_client_options tls = trusting(&other);
	run(two, BOTH, NULL, 1, &tls, "redis");
	assert_false(t.was_open);
	assert_non_null(strstr(t.lost, "the certificate of redis: "));
	tls = trusting(&ca);
	run(two, BOTH, NULL, 1, &tls, "127.0.0.1");
	assert_non_null(strstr(t.lost, "the certificate of 127.0.0.1: "));
	tls.ca = "/nonexistent/ca.pem";
	run(two, BOTH, NULL, 1, &tls, "redis");
	assert_non_null(strstr(
	    t.lost, "setting 'redis.tls.ca': /nonexistent/ca.pem: No such"));
}

/* With TLS 1.3, the client learns of it when it has sent its commands, and the
 * server may have reset the connection by then. */
static void a_server_that_does_not_trust_us(void **state)
{
	(void)state;
	struct tls_client_options tls = trusting(&ca);
	tls.cert = eve.cert_path;
	tls.key = eve.key_path;
	server.asks = true;
	for (int i = 0; i < 50; i++) {
		run(two, BOTH, NULL, 1, &tls, "redis");
		if (strstr(t.lost, "the server refuses: ") == NULL)
			fail_msg("%d: %s", i, t.lost);
		assert_int_equal(t.nulls, t.was_open ? 2 : 0);
	}
	server.asks = false;
}

static void nobody_listens(void **state)
{
	(void)state;
	int fd, port;
	memset(&t, 0, sizeof t);
	assert_int_equal(
	    listener_bind("127.0.0.1:0", false, &fd, &port).kind, ERR_KIND_OK);
	static const char *const addresses[] = {"127.0.0.1", "not-numeric"};
	for (int i = 0; i < 2; i++) {
		t.loop = loop_new();
		const struct redis_conn_options o = {.loop = loop_uv(t.loop),
		    .address = addresses[i],
		    .port = port,
		    .connected = on_open,
		    .lost = on_lost};
		t.conn = redis_conn_new(&o);
		loop_run(t.loop);
		loop_free(&t.loop);
		assert_string_not_equal(t.lost, "");
	}
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(replies_in_order),
	    cmocka_unit_test(what_is_not_answered),
	    cmocka_unit_test(foreign_bytes),
	    cmocka_unit_test(much),
	    cmocka_unit_test(a_server_that_is_not_trusted),
	    cmocka_unit_test(a_server_that_does_not_trust_us),
	    cmocka_unit_test(nobody_listens),
	};
	return cmocka_run_group_tests(tests, make_all, free_all);
}
