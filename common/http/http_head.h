/* The head of a request, judged before anything is done with it.
 *
 * libmicrohttpd is lenient: it takes what another server or a proxy in front of
 * Sluice may read in another way, and what one takes for the body of a request
 * is the next client's request to the other (RFC 9112, 11.2). So each request
 * has its head looked over once, and one that could be read in two ways is
 * refused, and its connection closed.
 *
 * Some requests libmicrohttpd refuses itself, and badly. Before 1.0 it says
 * twice that a Content-Length is malformed; and it refuses a line whose
 * parameters have no room in the memory of the connection, then forgets that it
 * did, and waits for headers that it has dropped. Those are refused here by the
 * socket, before libmicrohttpd can.
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
	const char *content_type; /* NULL: none. libmicrohttpd's, as the rest */
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
/* What every answer says: browsers take its body for nothing but its type.
 * NULL: it has no body, or its type is added later. */
void http_head_type(struct MHD_Response *response, const char *type);
/* Appends a problem (RFC 9457). */
void http_head_problem(struct buf *out, const struct http_head_fault *fault);
/* The same as an answer with all of its headers; owned. */
struct MHD_Response *http_head_response(const struct http_head_fault *fault);
/* Answers by the socket, behind libmicrohttpd's back, and says that nothing
 * follows; its own answer does not get through after that. */
void http_head_refuse(int fd, const struct http_head_fault *fault);

/* --- what libmicrohttpd before 1.0 does not find; later ones do -------------
 */

/* Has libmicrohttpd room for the parameters of this target? `memory` is that
 * of the connection. */
bool http_head_fits(const char *target, size_t memory);
/* Where the version is in a line with this target: elsewhere, if the target has
 * a blank, the end of a line or a NUL. */
const char *http_head_version_at(const char *target);
/* Is this the piece of a body behind a line of a chunk that is as it should be?
 */
bool http_head_chunk_fits(const char *piece);
/* A message of its own log: is it going to refuse a Content-Length? */
bool http_head_refuses_length(const char *message);
/* Among the headers so far, is there one that it will refuse? */
bool http_head_has_bad_length(struct MHD_Connection *c);
