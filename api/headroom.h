/* Is there room for a long Link in the answer?
 *
 * The headers of a request and of its answer share one piece of memory of the
 * connection (common/httpd.h). Where the answer's do not fit, libmicrohttpd
 * closes the connection without one: who has a long header to add asks first.
 */
#pragma once

#include "api/request.h"

/* For a Link of `len` bytes, here and in the answer to who follows it. */
bool headroom_for_link(const struct request *r, size_t len);
