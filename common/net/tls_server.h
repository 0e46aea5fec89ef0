/* The certificate of a listener, and its reload.
 *
 * A session takes the credentials that are there when its connection begins,
 * and keeps them. So a reload disturbs no connection: those that are open go on
 * as they were, and new ones see the new certificate. Old credentials are freed
 * with the last session that has them.
 *
 * TLS 1.2 and 1.3 (RFC 8446), with forward secrecy and authenticated ciphers
 * only (RFC 9325). There are no session tickets: a resumed session would keep a
 * client certificate that a reload has made invalid.
 */
#pragma once

#include "common/base/err.h"

#include <gnutls/gnutls.h>
#include <stdbool.h>

struct tls_server;
struct tls_credentials;

struct tls_server_options {
	const char *name; /* of the settings: tls, admin.tls; borrowed */
	/* Paths of PEM files; ca: "" for none. Copied. */
	const char *cert, *key, *client_ca;
	bool only_13; /* no TLS 1.2 */
};

/* Is TLS wanted? FATAL: a path is missing. */
struct err tls_server_check(const struct tls_server_options *o, bool *wanted);
/* If TLS is wanted, can the files be used? FATAL: as below. */
struct err tls_server_check_files(const struct tls_server_options *o);
/* FATAL: a file cannot be used; the error names it and says why. */
struct err tls_server_new(
    const struct tls_server_options *o, struct tls_server **out);
/* Reads the files again. FATAL: as above, and the former ones stay in use.
 * `server` is a struct tls_server (common/daemon/reload.h). One thread. */
struct err tls_server_reload(void *server, bool *changed);
/* A new session of the server's side takes the present credentials. They are
 * to be released after the session's end. Any thread. */
struct tls_credentials *tls_server_begin(
    struct tls_server *s, gnutls_session_t session);
void tls_credentials_release(struct tls_credentials **c);
/* Sessions may still be there. */
void tls_server_free(struct tls_server **s);
