/* How a TLS session of the listener reads and writes its socket: with few
 * system calls.
 *
 * - GnuTLS reads the five bytes in front of a record, and then the record. Here
 *   one system call reads what there is, up to TLS_TRANSPORT_AHEAD bytes.
 * - libmicrohttpd makes one record of the head of an answer, and one of its
 *   body. A small head waits here for the body. Both leave in one segment, by
 *   one system call, and wake the client once.
 *
 * One loop's thread. The socket is not blocking, and belongs to libmicrohttpd.
 */
#pragma once

#include <gnutls/gnutls.h>
#include <sys/types.h>

enum { TLS_TRANSPORT_AHEAD = 2048, TLS_TRANSPORT_HEAD = 1024 };

struct tls_transport;

struct tls_transport *tls_transport_new(int fd); /* returns owned */
void tls_transport_free(struct tls_transport **t);
/* Before anything is read or sent. `t` is borrowed until the session ends. */
void tls_transport_use(struct tls_transport *t, gnutls_session_t session);
/* The next record is the head of an answer, and the next but one its body,
 * which is in memory. tls_transport_flush comes when the answer was sent, even
 * if it has no body. */
void tls_transport_hold_head(struct tls_transport *t);
/* Sends a head that no body followed. */
void tls_transport_flush(struct tls_transport *t);

/* As recv and writev: -1 and errno if it fails. For GnuTLS. */
ssize_t tls_transport_pull(gnutls_transport_ptr_t t, void *data, size_t len);
ssize_t tls_transport_push(
    gnutls_transport_ptr_t t, const giovec_t *iov, int n);
