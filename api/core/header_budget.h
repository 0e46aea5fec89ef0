/* Is there room for the headers of an answer?
 *
 * Those of a request and of its answer share one piece of memory of the
 * connection (common/http/httpd.h). Where the answer's do not fit,
 * libmicrohttpd closes the connection without one, whatever was done by then.
 * So one that does something has about half of it (a read may have a long
 * query); who has a long header to add asks first; and the memory has room for
 * what names a position of each partition: the client sends in
 * Sluice-Read-After what it got in Sluice-Position.
 */
#pragma once

#include "api/core/request.h"

/* Most parameters of a query. */
enum { HEADER_BUDGET_PARAMETERS = 35 };

/* Bytes of memory that a connection needs for positions. */
size_t header_budget_of_positions(int32_t partitions);
/* Is it one that does something, with more headers than leave room for its
 * answer? */
bool header_budget_is_exceeded(
    struct MHD_Connection *c, const char *method, int32_t partitions);

/* For a Link of `len` bytes, here and in the answer to who follows it. */
bool header_budget_for_link(const struct request *r, size_t len);
