/* A request path in decoded segments (pure core).
 *
 * RFC 3986: split at `/` first, decode then, so that `%2F` is a byte of a key.
 */
#pragma once

#include "common/base/buf.h"

#include <stdbool.h>
#include <stddef.h>

enum { PATH_SEGMENTS = 6 };

struct path_segment {
	char *text; /* decoded, NUL-terminated; may hold NUL bytes */
	size_t len;
	bool reserved; /* begins with `_` as it was sent */
};

struct path {
	size_t n;
	struct path_segment segments[PATH_SEGMENTS];
	char *bytes; /* what the segments point into */
};

/* `raw` begins with `/` and has no query. False: a malformed escape. More
 * segments than fit: n is PATH_SEGMENTS + 1 and the rest is not there. Free it
 * in either case. A trailing slash makes an empty last segment. */
bool path_parse(const char *raw, struct path *out);
/* Decodes percent-escapes into `out`, which has room for as many bytes and a
 * NUL; how many there are, -1: a malformed escape. */
long path_decode(const char *s, size_t len, char *out);
/* Appends a segment that path_parse reads as these bytes, not as reserved. */
void path_encode(struct buf *out, const char *bytes, size_t len);
void path_free(struct path *p);
