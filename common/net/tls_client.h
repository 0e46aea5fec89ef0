/* TLS towards a server, on a connected socket that does not block.
 *
 * The server's certificate must be of a trusted authority and for the host that
 * was meant (RFC 9525). Files are read for each connection, so the next one
 * sees a new certificate. One thread.
 */
#pragma once

#include "common/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct tls_client;

struct tls_client_options {
	const char *name; /* of the settings: redis.tls */
	/* Paths of PEM files. ca: whom to trust; "": whom the system trusts.
	 * cert, key: who we are; "": nobody. */
	const char *ca, *cert, *key;
	/* Trust every server. Only where nothing secret is said. */
	bool unverified;
};

enum tls_step { TLS_DONE, TLS_READ, TLS_WRITE, TLS_FAILED };

/* Can the files be used? FATAL: one cannot; the error names it and says why. */
struct err tls_client_check(const struct tls_client_options *o);
/* Borrows the socket. `host`: its name or address, as it was set. FATAL: as
 * above. */
struct err tls_client_new(const struct tls_client_options *o, const char *host,
    int fd, struct tls_client **out);
/* Goes on with the handshake. READ, WRITE: call it again when the socket can do
 * that. */
enum tls_step tls_client_handshake(struct tls_client *t);
/* Like recv and send: the number of bytes; 0 of recv: the server ended the
 * session; -1 with errno EAGAIN: later, when the socket can read (recv) or
 * write (send); -1 with another: it is over. A send that could not go on must
 * be repeated with the same bytes. */
ssize_t tls_client_recv(struct tls_client *t, void *to, size_t len);
ssize_t tls_client_send(struct tls_client *t, const void *data, size_t len);
/* Are there bytes that recv would return without the socket? */
bool tls_client_pending(const struct tls_client *t);
/* What failed. */
const char *tls_client_error(const struct tls_client *t);
/* Without a word to the server. NULL is fine. */
void tls_client_free(struct tls_client **t);
