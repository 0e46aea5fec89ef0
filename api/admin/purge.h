/* DELETE /cache[/{collection}[/{key}]]: ends what L1 of this instance and Redis
 * hold. Absent is always safe (INV-1, INV-2): floors and watermarks stay.
 *
 * In Redis a collection, or all, is discarded by a new generation
 * (common/cache/l2.h), one short script per partition. L1 is swept on a thread
 * of libuv's pool, since the main loop has the tail to follow.
 *
 * The race: a lookup read the row before the change that the purge is for, and
 * puts it into a cache after the purge. So the purge is counted first
 * (instance->purges): a lookup that began before it keeps nothing, and nobody
 * joins it any more. A fill that it had sent to Redis already is in the pipe of
 * its own thread: so every request thread purges Redis, behind its own fills.
 *
 * Other instances have an L1, and fills under way, of their own: each has its
 * own admin port.
 */
#pragma once

#include "api/admin/admin_routes.h"

struct purge_report {
	size_t l1_entries;
	bool redis; /* false: it, or a part of it, could not be reached */
};

typedef void (*purge_done)(void *arg, const struct purge_report *report);

/* Main loop, while the instance does not drain: the other threads are needed.
 * Takes the operand; `done` is called later, on the main loop. */
void purge_begin(
    struct instance *instance, struct operand *o, purge_done done, void *arg);
/* Takes the operand and the exchange, and answers it. */
void purge_start(
    struct instance *instance, struct admin_exchange *x, struct operand *o);
