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

/* `raw` begins with `/` and has no query. False: a malformed escape. If there
 * are more segments than fit, n is PATH_SEGMENTS + 1 and the rest is left out.
 * Free `out` in any case. A trailing slash makes an empty last segment. */
bool path_parse(const char *raw, struct path *out);
/* Decodes percent-escapes into `out`, which has room for `len` bytes and a NUL.
 * Returns the number of bytes; -1: a malformed escape. */
long path_decode(const char *s, size_t len, char *out);
/* Appends a segment that path_parse reads as these bytes, not as reserved. */
void path_encode(struct buf *out, const char *bytes, size_t len);
void path_free(struct path *p);
