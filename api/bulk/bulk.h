/* POST /v1/{collection} with many documents: a JSON array, or NDJSON.
 *
 * Each item is validated and appended as it arrives, in order. Bounded whatever
 * the body's size: one item is held, and no more than a window of them is on
 * its way to the log; past it, and while no integer key is there, the rest of
 * the body is not taken from the connection. A few bytes an item are kept for
 * the answer (api/bulk/bulk_results.h). It works for a millisecond, or for one
 * item, and then lets other requests of its thread go on.
 *
 * What ends a body early (it stops being JSON, it is too large) ends the
 * reading, not what was accepted before it: the answer is that problem, with
 * the results of the items in front of it.
 */
#pragma once

#include "api/core/route.h"

extern const struct feature create_feature;
