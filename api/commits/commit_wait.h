/* A request waits until the tail passes a position. */
#pragma once

#include "api/core/request.h"

/* On the request's thread; the request may be parked. STEP_MORE: the tail has
 * passed the position, so nothing waits. */
enum step_result commit_wait(struct request *r, struct position p);
