/* POST /v1/{collection} with many documents: a JSON array, or NDJSON.
 *
 * Each item is validated and appended in order, as it arrives. Memory is
 * bounded, whatever the size of the body: one item is held, and at most a
 * window of items waits for the log. While the window is full, or while no
 * integer key is available, the rest of the body is not read from the
 * connection. Each item keeps a few bytes for the answer
 * (api/bulk/bulk_results.h). A bulk works for a millisecond, or for one item;
 * then it lets other requests of its thread run.
 *
 * A document is created. A line of /v1/{collection}/_bulk is an operation, in
 * the form that an operation of an atomic batch has
 * (api/operation/one_operation.h). It may have an idempotency key of its own,
 * so that a client can send a whole bulk again.
 *
 * A fault (the body stops being JSON, or is too large) ends the reading of the
 * body. It does not undo the items that were accepted before. The answer is the
 * problem, with the results of the items before the fault.
 */
#pragma once

#include "api/core/route.h"

extern const struct feature create_feature;
/* POST /v1/{collection}/_bulk: one operation a line, of any kind. */
extern const struct feature operations_feature;
