/* Checks the head of a request before anything is done with it.
 *
 * libmicrohttpd is lenient: it accepts requests that another server, or a proxy
 * in front of Sluice, may read in another way. Then one of them takes for the
 * body of a request what the other takes for the next client's request (RFC
 * 9112, 11.2). So each head is checked once. A request that could be read in
 * two ways is refused, and its connection is closed.
 *
 * libmicrohttpd refuses some requests itself, and does it badly. Before 1.0 it
 * answers twice if a Content-Length is malformed. If the parameters of a
 * request line do not fit into the memory of the connection, it refuses the
 * line, forgets that, and waits for headers that it has dropped. Such requests
 * are refused here, on the socket, before libmicrohttpd sees them.
 */
#pragma once

#include "common/base/buf.h"

#include <microhttpd.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTP_HEAD_UNKNOWN UINT64_MAX

/* Why a request is refused. Constant. */
struct http_head_fault {
	unsigned status;
	const char *type; /* of the problem, whole */
	const char *title;
	const char *detail;
};

struct http_head {
	const struct http_head_fault *fault; /* NULL: it is well-formed */
	uint64_t length; /* of the body; HTTP_HEAD_UNKNOWN: it is chunked */
	/* The first of each; NULL: none. They are libmicrohttpd's. */
	const char *content_type, *host, *origin;
	const char *fetch_site; /* Sec-Fetch-Site */
	const char *traceparent, *request_id;
	bool encoded; /* the body has a Content-Encoding but identity */
};

extern const struct http_head_fault http_head_too_many_headers; /* 431 */
extern const struct http_head_fault http_head_bad_target;
extern const struct http_head_fault http_head_bad_length;
extern const struct http_head_fault http_head_bad_chunk;
extern const struct http_head_fault http_head_too_large; /* 413 */
extern const struct http_head_fault http_head_encoded;	 /* 415 */
extern const struct http_head_fault http_head_full;	 /* 503, Retry-After */

/* Looks at every header once. `method`, `target` (of which the query may be cut
 * off) and `version` are libmicrohttpd's. */
void http_head_read(struct MHD_Connection *c, const char *method,
    const char *target, const char *version, struct http_head *out);
/* The path of a target in origin or absolute form, within it; `*` of that;
 * NULL: it has none of these forms. The query is cut off already. */
const char *http_head_path(const char *target);
/* Is a Content-Type (NULL: none) application/json or application/…+json, with
 * any parameters? */
bool http_head_is_json(const char *type);
/* Adds the Content-Type and the header that keeps browsers from guessing
 * another type. NULL: the answer has no body, or its type is added later. */
void http_head_type(struct MHD_Response *response, const char *type);
/* Adds the headers of an answer that depends on who asks: no cache between may
 * give it to somebody else (RFC 9111, 5.2.2.7; RFC 9110, 12.5.5). */
void http_head_private(struct MHD_Response *response);
/* Appends a problem (RFC 9457). */
void http_head_problem(struct buf *out, const struct http_head_fault *fault);
/* The same as an answer with all of its headers; owned. */
struct MHD_Response *http_head_response(const struct http_head_fault *fault);
/* Sends the answer without libmicrohttpd, and ends the sending side. So
 * libmicrohttpd's own answer does not reach the client. */
void http_head_refuse(
    struct MHD_Connection *c, const struct http_head_fault *fault);

/* --- what libmicrohttpd before 1.0 does not find; later ones do -------------
 */

/* Do the parameters of this target fit into libmicrohttpd's memory of the
 * connection
 * (`memory` bytes)? */
bool http_head_fits(const char *target, size_t memory);
/* Where the version is in a line with this target: elsewhere, if the target has
 * a blank, the end of a line or a NUL. */
const char *http_head_version_at(const char *target);
/* Is this the piece of a body behind a well-formed line of a chunk? */
bool http_head_chunk_fits(const char *piece);
/* Does this message of libmicrohttpd's log say that it refuses a
 * Content-Length? */
bool http_head_refuses_length(const char *message);
/* Is there a Content-Length so far that libmicrohttpd will refuse? */
bool http_head_has_bad_length(struct MHD_Connection *c);
