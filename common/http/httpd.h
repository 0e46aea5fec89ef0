/* A libmicrohttpd daemon in external-epoll mode on a loop.
 *
 * It hides these properties of libmicrohttpd:
 *
 *  - A response that is queued in the first call of the access handler closes
 *    the connection. So `begin` only makes the request. A request that is
 *    refused by its head is answered in the first call only if a body would
 *    follow.
 *  - It would unescape the path in place; a handler gets it as it was sent.
 *  - It lets a client send or read as slowly as it likes; such a client is cut
 *    off here.
 *  - A suspended request that is resumed runs again on the same thread.
 *
 * Everything runs on the loop's thread.
 */
#pragma once

#include "common/base/err.h"
#include "common/base/loop.h"
#include "common/http/conn_timeout.h"
#include "common/http/http_head.h"

#include <microhttpd.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sockaddr;
struct tls_peer;
struct tls_server;

/* Memory of a connection for the headers of a request and of its answer,
 * without the part that grows with the deployment. If they do not fit,
 * libmicrohttpd closes the connection. It clears the whole memory for every
 * request, so the memory is not larger than necessary. */
enum { HTTPD_CONNECTION_MEMORY = 24 * 1024 };

struct httpd;

enum httpd_body { HTTPD_TAKEN, HTTPD_LARGE, HTTPD_FULL, HTTPD_CLOSE };

struct httpd_ops {
	/* The head of a request is in, and is well-formed. Returns the request
	 * (not NULL). Nothing may be queued yet. *refused: its body does not
	 * matter to its answer; if there is one, it is not read: `run` is
	 * called at once, and queues a response. */
	void *(*begin)(void *arg, struct MHD_Connection *c, const char *method,
	    const char *path, const struct http_head *head, bool *refused);
	/* Takes *taken bytes of a piece of the body. If it does not take all,
	 * it must suspend the connection; it gets the rest after the resume.
	 * HTTPD_LARGE answers 413 without the rest of the body, HTTPD_FULL 503:
	 * there is no memory for it. */
	enum httpd_body (*body)(
	    void *request, const char *data, size_t len, size_t *taken);
	/* The body is complete, or the request was resumed. Queue a response or
	 * suspend. MHD_NO closes the connection. */
	enum MHD_Result (*run)(void *request);
	/* The answer was sent, or the connection failed: free the request. */
	void (*end)(void *request);
};

struct httpd_options {
	struct loop *loop;
	const char *address; /* host:port; port 0: any free one */
	bool shared; /* several daemons of this process share the port */
	/* How many of these take new connections; NULL: it has the port alone.
	 * Borrowed. */
	atomic_size_t *taking;
	/* Close to this limit, a new connection closes the oldest idle one.
	 * Those that never had a request go first. */
	unsigned max_connections;
	size_t more_memory; /* than HTTPD_CONNECTION_MEMORY, per connection */
	/* The first request's time begins with the connection, so it bounds a
	 * TLS handshake, too. Receiving is from the request line to the body's
	 * end, without the time that the connection was suspended. */
	struct conn_timeout_limits pace;
	/* The same for requests that take memory, while memory is low
	 * (httpd_tighten). */
	struct conn_timeout_limits tight;
	/* May this address have another connection? May set *client, which
	 * `leave` gets when the connection ends. Both functions may be NULL. */
	bool (*admit)(void *arg, const struct sockaddr *address, void **client);
	void (*leave)(void *client);
	/* Its certificate; NULL: without TLS. Borrowed. */
	struct tls_server *tls;
	const struct httpd_ops *ops;
	void *arg;
};

/* How a drain goes. */
struct httpd_drain {
	/* A connection without a request stays open for so long; then it is
	 * half-closed, and its client has as long to close it. */
	dur_us_t linger;
	/* A client that has not sent its whole request by then is cut off. */
	dur_us_t receive;
};

/* Binds the address; connections are refused until httpd_open. FATAL: the
 * address cannot be bound; the error says why. */
struct err httpd_new(const struct httpd_options *o, struct httpd **out);
/* Takes connections from now on; once. FATAL: as above. */
struct err httpd_open(struct httpd *h);
/* Resumes a suspended connection: `run` is called from the loop, soon. */
void httpd_resume(struct httpd *h, struct MHD_Connection *c);
/* The answer that was just queued is a stream: its producer watches the client.
 */
void httpd_streams(struct MHD_Connection *c);
/* An answer was queued. Unless it is a stream, its head and its body leave
 * together: with TLS, too. */
void httpd_answers(struct MHD_Connection *c);
/* The *client that `admit` set. */
void *httpd_client(struct MHD_Connection *c);
/* Who the client is by its certificate, which tls.client_ca has signed; NULL:
 * it has shown none, or there is no TLS. The connection owns it. */
const struct tls_peer *httpd_peer(struct MHD_Connection *c);
/* The request takes so much memory now. */
void httpd_holds(struct MHD_Connection *c, size_t memory);
/* Is memory for bodies, for answers, nearly used up? */
void httpd_tighten(struct httpd *h, bool bodies, bool answers);
int httpd_port(const struct httpd *h);
size_t httpd_connections(const struct httpd *h);
/* Bytes that the connections take, without their requests. */
size_t httpd_memory(const struct httpd *h);
/* Idle connections that were closed for new ones, since the start. */
uint64_t httpd_evicted(const struct httpd *h);
/* Connections that were cut off because of slow clients, since the start. */
uint64_t httpd_cut(const struct httpd *h);
/* Requests refused because of their framing, since the start: no request was
 * begun, or its body could not be read. */
size_t httpd_malformed(const struct httpd *h);
/* Refuses new connections. Connections whose handshake had begun, and requests
 * that are on their way, are still accepted. From now on, answers must say
 * `Connection: close`.
 */
void httpd_drain(struct httpd *h, const struct httpd_drain *how);
/* After httpd_drain: no client waits for anything, and none would be reset. */
bool httpd_is_drained(const struct httpd *h);
/* No request is suspended any more (CHECK). Closes every connection. */
void httpd_free(struct httpd **h);
