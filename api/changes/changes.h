/* GET /v1/{collection}/_changes: the change feed of a collection as server-sent
 * events (api/changes/feed.h), from now on, or from behind the event that
 * Last-Event-ID names.
 *
 * The answer begins when every partition is known to be readable from its place
 * on; where one is not, it is a 410. A client that takes nothing for a while is
 * cut off, and may resume.
 */
#pragma once

#include "api/core/route.h"

extern const struct feature changes_feature;

/* The sweep of the thread: ends those that stand still, whose client left, and
 * in a drain all of them. */
void changes_sweep(struct thread *t);
