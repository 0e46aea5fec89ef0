/* Who the other side of a TLS session is, by its verified certificate. */
#pragma once

#include <gnutls/gnutls.h>
#include <stddef.h>

struct tls_peer {
	char *subject; /* the distinguished name (RFC 4514): CN=a,O=b */
	/* The subject alternative names (RFC 5280, 4.2.1.6), each as DNS:name,
	 * URI:uri, email:address or IP:address. Others are left out. */
	char **names;
	size_t nnames;
};

/* After the handshake, which has verified the certificate. Returns owned; NULL:
 * it has shown none. */
struct tls_peer *tls_peer_new(gnutls_session_t session);
void tls_peer_free(struct tls_peer **p);
