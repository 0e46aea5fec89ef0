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

#include "api/core/request.h"

struct bulk;

/* Is the body NDJSON? */
bool bulk_has_lines(const struct request *r);
/* May the body, which is no NDJSON, be an array of documents? */
bool bulk_may_be(const struct request *r);
/* Makes r->bulk; `before` bytes of the body were blank. */
void bulk_begin(struct request *r, size_t before);
/* The same by the head alone. STEP_DONE: it was refused. */
enum step_result bulk_begin_lines(struct request *r);
/* A piece of the body. What is not taken is to be told again: the request is
 * to be parked. */
bool bulk_take(struct request *r, const char *data, size_t len, size_t *taken);
/* Lets go of what is on its way to the log: it may get there. */
void bulk_release(struct bulk *b);
/* Frees it, if there is one. */
void bulk_end(struct request *r);
