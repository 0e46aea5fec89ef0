/* A web server for tests, on a loopback address, with and without TLS: one
 * connection at a time, one answer on each. */
#pragma once

#include "common/base/buf.h"
#include "common/base/check.h"
#include "common/base/clock.h"
#include "common/base/mem.h"

#include <arpa/inet.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* --- certificates -------------------------------------------------------- */

struct web_certificate {
	EVP_PKEY *key;
	X509 *x509;    /* signed by itself */
	char file[40]; /* PEM */
};

/* `name`: `DNS:id.example` or `IP:127.0.0.1`. */
static inline void web_certificate_make(
    struct web_certificate *c, const char *name)
{
	X509V3_CTX ctx;
	c->key = EVP_EC_gen("P-256");
	c->x509 = X509_new();
	CHECK(c->key && c->x509);
	X509_set_version(c->x509, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(c->x509), 1);
	X509_gmtime_adj(X509_getm_notBefore(c->x509), -3600);
	X509_gmtime_adj(X509_getm_notAfter(c->x509), 86400);
	X509_set_pubkey(c->x509, c->key);
	X509_NAME *subject = X509_get_subject_name(c->x509);
	X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
	    (const unsigned char *)"sluice test", -1, -1, 0);
	X509_set_issuer_name(c->x509, subject);
	X509V3_set_ctx(&ctx, c->x509, c->x509, NULL, NULL, 0);
	X509_EXTENSION *san =
	    X509V3_EXT_conf_nid(NULL, &ctx, NID_subject_alt_name, name);
	X509_EXTENSION *ca = X509V3_EXT_conf_nid(
	    NULL, &ctx, NID_basic_constraints, "critical,CA:TRUE");
	CHECK(san && ca && X509_add_ext(c->x509, san, -1) &&
	      X509_add_ext(c->x509, ca, -1) &&
	      X509_sign(c->x509, c->key, EVP_sha256()));
	X509_EXTENSION_free(san);
	X509_EXTENSION_free(ca);
	strcpy(c->file, "/tmp/sluice-certificate-XXXXXX");
	FILE *f = fdopen(mkstemp(c->file), "w");
	CHECK(f && PEM_write_X509(f, c->x509) == 1 && fclose(f) == 0);
}

static inline void web_certificate_free(struct web_certificate *c)
{
	unlink(c->file);
	EVP_PKEY_free(c->key);
	X509_free(c->x509);
}

/* --- the server ---------------------------------------------------------- */

/* A status: the request is read, and nothing is answered. */
enum { WEB_SERVER_HANGS = 0 };

struct web_server {
	char url[64];
	int fd, stop[2]; /* a pipe: its end of writing is closed at the end */
	SSL_CTX *tls;	 /* NULL: none */
	pthread_t thread;
	pthread_mutex_t mutex;
	unsigned status;
	char *head, *body;
	struct buf asked; /* the bodies of all requests, one after the other */
	atomic_uint requests;
};

/* From now on; `head`: more header lines. A Content-Length is made, unless the
 * lines have a length, or one begins with X-No-Length. */
static inline void web_server_says(
    struct web_server *s, unsigned status, const char *head, const char *body)
{
	CHECK_OS(pthread_mutex_lock(&s->mutex));
	free(s->head);
	free(s->body);
	s->status = status;
	s->head = mem_strdup(head);
	s->body = mem_strdup(body);
	CHECK_OS(pthread_mutex_unlock(&s->mutex));
}

static inline unsigned web_server_requests(struct web_server *s)
{
	return atomic_load(&s->requests);
}

static inline void web_server_wait(struct web_server *s, unsigned requests)
{
	while (web_server_requests(s) < requests)
		usleep(500);
}

/* False: the server ends, or the peer does. */
static inline bool web_server_readable(struct web_server *s, int fd)
{
	struct pollfd fds[2] = {
	    {.fd = fd, .events = POLLIN}, {.fd = s->stop[0], .events = POLLIN}};
	return poll(fds, 2, -1) > 0 && fds[1].revents == 0;
}

static inline ssize_t web_server_read(SSL *ssl, int fd, char *s, size_t len)
{
	return ssl ? SSL_read(ssl, s, (int)len) : read(fd, s, len);
}

static inline void web_server_write(SSL *ssl, int fd, const char *s, size_t len)
{
	while (len) {
		ssize_t n = ssl ? SSL_write(ssl, s, (int)len)
				: send(fd, s, len, MSG_NOSIGNAL);
		if (n <= 0)
			return;
		s += n;
		len -= (size_t)n;
	}
}

/* False: the server ends, or the peer does. */
static inline bool web_server_read_more(
    struct web_server *s, SSL *ssl, int fd, struct buf *out)
{
	char text[8192];
	bool ready =
	    (ssl && SSL_pending(ssl) > 0) || web_server_readable(s, fd);
	ssize_t n = ready ? web_server_read(ssl, fd, text, sizeof text) : -1;
	if (n > 0)
		buf_add(out, text, (size_t)n);
	return n > 0;
}

/* The head, and the body, if it has a length. */
static inline bool web_server_read_request(
    struct web_server *s, SSL *ssl, int fd)
{
	struct buf in = {0};
	const char *end = NULL, *length;
	size_t head = 0, body = 0;
	bool ok = true;
	while (ok && (end == NULL || in.len < head + body)) {
		ok = web_server_read_more(s, ssl, fd, &in);
		end = ok ? strstr(in.data, "\r\n\r\n") : NULL;
		head = end ? (size_t)(end - in.data) + 4 : 0;
		length =
		    end ? strcasestr(in.data, "\r\nContent-Length:") : NULL;
		if (length && length < end)
			body = strtoul(strchr(length, ':') + 1, NULL, 10);
	}
	CHECK_OS(pthread_mutex_lock(&s->mutex));
	if (ok)
		buf_add(&s->asked, in.data + head, body);
	CHECK_OS(pthread_mutex_unlock(&s->mutex));
	buf_free(&in);
	return ok;
}

/* How often the bodies of all requests have this text. */
static inline size_t web_server_count(struct web_server *s, const char *text)
{
	size_t n = 0;
	CHECK_OS(pthread_mutex_lock(&s->mutex));
	const char *at = s->asked.data;
	while (at && (at = strstr(at, text)) != NULL) {
		n++;
		at += strlen(text);
	}
	CHECK_OS(pthread_mutex_unlock(&s->mutex));
	return n;
}

static inline struct buf web_server_answer(struct web_server *s)
{
	struct buf out = {0};
	CHECK_OS(pthread_mutex_lock(&s->mutex));
	if (s->status != WEB_SERVER_HANGS) {
		buf_printf(&out, "HTTP/1.1 %u X\r\nConnection: close\r\n%s",
		    s->status, s->head);
		if (strstr(s->head, "-Length: ") == NULL)
			buf_printf(
			    &out, "Content-Length: %zu\r\n", strlen(s->body));
		buf_str(&out, "\r\n");
		buf_str(&out, s->body);
	}
	CHECK_OS(pthread_mutex_unlock(&s->mutex));
	return out;
}

static inline void web_server_serve(struct web_server *s, int fd)
{
	SSL *ssl = s->tls ? SSL_new(s->tls) : NULL;
	struct buf answer = {0};
	if (ssl)
		SSL_set_fd(ssl, fd);
	if ((ssl == NULL ||
		(web_server_readable(s, fd) && SSL_accept(ssl) == 1)) &&
	    web_server_read_request(s, ssl, fd)) {
		answer = web_server_answer(s);
		atomic_fetch_add(&s->requests, 1);
		web_server_write(ssl, fd, answer.data, answer.len);
		if (answer.len == 0) /* until the peer leaves */
			web_server_readable(s, fd);
		if (ssl)
			SSL_shutdown(ssl);
	}
	buf_free(&answer);
	SSL_free(ssl);
	close(fd);
}

static inline void *web_server_run(void *arg)
{
	struct web_server *s = arg;
	while (web_server_readable(s, s->fd)) {
		int fd = accept(s->fd, NULL, NULL);
		if (fd >= 0)
			web_server_serve(s, fd);
	}
	return NULL;
}

static inline void web_server_listen(struct web_server *s)
{
	struct sockaddr_in a = {.sin_family = AF_INET};
	socklen_t len = sizeof a;
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK(s->fd >= 0);
	CHECK_OS(bind(s->fd, (struct sockaddr *)&a, len));
	CHECK_OS(listen(s->fd, 16));
	CHECK_OS(getsockname(s->fd, (struct sockaddr *)&a, &len));
	snprintf(s->url, sizeof s->url, "http%s://127.0.0.1:%d/",
	    s->tls ? "s" : "", ntohs(a.sin_port));
}

/* `certificate` NULL: without TLS. It hangs until web_server_says. */
static inline void web_server_start(
    struct web_server *s, const struct web_certificate *certificate)
{
	signal(SIGPIPE, SIG_IGN);
	*s = (struct web_server){.status = WEB_SERVER_HANGS};
	if (certificate) {
		s->tls = SSL_CTX_new(TLS_server_method());
		CHECK(s->tls &&
		      SSL_CTX_use_certificate(s->tls, certificate->x509) == 1 &&
		      SSL_CTX_use_PrivateKey(s->tls, certificate->key) == 1);
	}
	web_server_listen(s);
	CHECK_OS(pipe(s->stop));
	CHECK_OS(pthread_mutex_init(&s->mutex, NULL));
	CHECK_OS(pthread_create(&s->thread, NULL, web_server_run, s));
}

static inline void web_server_stop(struct web_server *s)
{
	close(s->stop[1]);
	CHECK_OS(pthread_join(s->thread, NULL));
	close(s->stop[0]);
	close(s->fd);
	SSL_CTX_free(s->tls);
	CHECK_OS(pthread_mutex_destroy(&s->mutex));
	free(s->head);
	free(s->body);
	buf_free(&s->asked);
}
