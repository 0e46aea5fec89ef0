/* Requests to one URL over HTTP or HTTPS, by libcurl, one at a time: of a key
 * set (api/access/jwks_source.c), and to a collector of traces
 * (common/trace/tracer.c).
 *
 * One thread uses a handle, and waits in it; only web_wake is for any thread.
 *
 * libcurl with OpenSSL (Debian's libcurl4-openssl-dev): the connections to
 * Postgres and Kafka verify certificates by OpenSSL, too, and the signatures of
 * tokens are verified by it. GnuTLS serves the listeners only.
 */
#pragma once

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/err.h"
#include "common/net/web_url.h"

#include <stdbool.h>
#include <stddef.h>

struct web;

/* Its texts are copied. */
struct web_options {
	const char *name; /* the code of its errors; static */
	const char *url;
	enum web_place place;	/* of the URL */
	const char *ca;		/* file of CA certificates; "": the system's */
	const char *headers[3]; /* `name: value`; a NULL ends them */
	dur_us_t timeout;	/* of one request, from the name of the host to
				 * the last byte of the answer */
	size_t most;		/* bytes of an answer */
	bool follows;		/* redirects, to https only */
};

struct web_answer {
	int status;
	dur_us_t retry_after; /* 0: the answer does not say when */
	struct buf body;
};

/* Main thread. Returns owned. */
struct web *web_new(const struct web_options *o);
void web_free(struct web **w);

/* Waits, at most `most`, for web_wake. */
void web_sleep(struct web *w, dur_us_t most);
void web_wake(struct web *w);
/* GET; with a `body` (borrowed), POST. OK: there is an answer, whatever its
 * status; its body is owned, to be freed also after an error. The error (RETRY)
 * says why there is none: also if `ends` becomes true, which is asked after
 * each web_wake. */
struct err web_ask(struct web *w, const struct buf *body,
    struct web_answer *out, bool (*ends)(void *arg), void *arg);
