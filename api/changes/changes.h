/* GET /v1/{collection}/_changes: the change feed of a collection as server-sent
 * events (api/changes/feed.h). It begins now, or after the event that
 * Last-Event-ID names.
 *
 * The answer begins when every partition is known to be readable from its
 * place. If one is not, the answer is 410. A client that reads nothing for a
 * while is cut off; it may resume.
 */
#pragma once

#include "api/core/route.h"

extern const struct feature changes_feature;

/* The worker's timer: ends feeds whose client reads nothing or has left; during
 * a drain, all of them. */
void changes_sweep(struct thread *t);
