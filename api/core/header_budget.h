/* Tells whether there is room for the headers of an answer.
 *
 * The headers of a request and of its answer share the memory of the connection
 * (common/http/httpd.h). If the answer's headers do not fit, libmicrohttpd
 * closes the connection without an answer, even if the request has been carried
 * out. Therefore a request that may change something (any method but GET and
 * HEAD) may use about half of this memory for its headers. A read may use more,
 * because it may have a long query. Before a long header is added to an answer,
 * header_budget_for_link must be asked. The memory is enlarged by two positions
 * per partition: a client sends the Sluice-Position that it got as
 * Sluice-Read-After.
 */
#pragma once

#include "api/core/request.h"

/* Maximum number of parameters of a query. */
enum { HEADER_BUDGET_PARAMETERS = 36 };

/* Bytes to add to the memory of a connection for positions. */
size_t header_budget_of_positions(int32_t partitions);
/* Has the request a method that may change something, and more headers than
 * leave room for its answer? */
bool header_budget_is_exceeded(
    struct MHD_Connection *c, const char *method, int32_t partitions);

/* Is there room for a Link of `len` bytes, in this answer and in the answer to
 * a request that follows the Link? */
bool header_budget_for_link(const struct request *r, size_t len);
