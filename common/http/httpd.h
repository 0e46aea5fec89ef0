/* A libmicrohttpd daemon in external-epoll mode on a loop.
 *
 * It hides libmicrohttpd's traps: a response queued in the first call of the
 * access handler closes the connection, so `begin` only makes the request, and
 * what is refused by its head is answered at once only if a body would follow;
 * names are not unescaped in place, so a handler sees the path as it was sent;
 * a client that dribbles its request, or does not read its answer, is cut off;
 * a suspended request that is resumed is run again on the same thread.
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

/* Of a connection, for the headers of a request and those of its answer, but
 * for what grows with the deployment: for what does not fit libmicrohttpd
 * closes the connection. It clears all of it for every request, so it is not
 * larger than that needs. */
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
	/* A piece of the body, of which it takes *taken bytes: all of it, or
	 * it suspends the connection, and is told the rest after the resume.
	 * HTTPD_LARGE answers 413 without the rest of the body, HTTPD_FULL
	 * 503: there is no memory for it. */
	enum httpd_body (*body)(
	    void *request, const char *data, size_t len, size_t *taken);
	/* All is in; or the request was resumed. Queue a response or suspend.
	 * MHD_NO closes the connection. */
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
	/* Near it, the oldest idle connection makes room for a new one: first
	 * of those without a request yet. */
	unsigned max_connections;
	size_t more_memory; /* than HTTPD_CONNECTION_MEMORY, per connection */
	/* Receiving is from the request line to the body's end, without the
	 * time that the connection was suspended. */
	struct conn_timeout_limits pace;
	/* The same for requests that take memory, while httpd_tighten says that
	 * there is little. */
	struct conn_timeout_limits tight;
	/* May this address have another connection? Sets *client, which may
	 * stay NULL and is given to `leave` at the connection's end. Both may
	 * be NULL. */
	bool (*admit)(void *arg, const struct sockaddr *address, void **client);
	void (*leave)(void *client);
	const struct httpd_ops *ops;
	void *arg;
};

/* How a drain goes. */
struct httpd_drain {
	/* A connection without a request stays open for so long; then it is
	 * half-closed, and its client has as long to close it. */
	dur_us_t linger;
	/* Who has not sent the whole request by then is cut off. */
	dur_us_t receive;
};

/* Binds the address; connections are refused until httpd_open. Fails with FATAL
 * where the address cannot be had, and says why. */
struct err httpd_new(const struct httpd_options *o, struct httpd **out);
/* Takes connections from now on; once. FATAL: as above. */
struct err httpd_open(struct httpd *h);
/* A suspended connection goes on: `run` is called from the loop, soon. */
void httpd_resume(struct httpd *h, struct MHD_Connection *c);
/* The answer, just queued, is a stream: who makes it looks after its client. */
void httpd_streams(struct MHD_Connection *c);
/* What `admit` made of it. */
void *httpd_client(struct MHD_Connection *c);
/* The request takes so much memory now. */
void httpd_holds(struct MHD_Connection *c, size_t memory);
/* Is memory for bodies, for answers, nearly used up? */
void httpd_tighten(struct httpd *h, bool bodies, bool answers);
int httpd_port(const struct httpd *h);
size_t httpd_connections(const struct httpd *h);
/* Bytes that they take, without their requests. */
size_t httpd_memory(const struct httpd *h);
/* Idle ones that had to make room for new ones, ever. */
uint64_t httpd_evicted(const struct httpd *h);
/* Those that were cut off: their clients took too long, ever. */
uint64_t httpd_cut(const struct httpd *h);
/* Requests refused by their framing, ever: no request was begun, or its body
 * could not be read. */
size_t httpd_malformed(const struct httpd *h);
/* New connections are refused; those that had begun, and requests that are on
 * their way, are still taken. Who answers says `Connection: close` from now on.
 */
void httpd_drain(struct httpd *h, const struct httpd_drain *how);
/* After httpd_drain: no client waits for anything, and none would be reset. */
bool httpd_is_drained(const struct httpd *h);
/* No request is suspended any more (CHECK). Closes every connection. */
void httpd_free(struct httpd **h);
