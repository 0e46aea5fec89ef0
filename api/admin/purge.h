/* DELETE /cache[/{collection}[/{key}]]: removes entries from L1 of this
 * instance and from Redis. An absent entry is always safe (INV-1, INV-2):
 * floors and watermarks stay.
 *
 * In Redis, a new generation (common/cache/l2.h) discards a collection, or
 * everything, by one short script per partition. L1 is swept on a thread of
 * libuv's pool, because the main loop has to follow the commits.
 *
 * The race: a lookup reads a row before the change that the purge is for, and
 * puts it into a cache after the purge. Therefore the purge first increments
 * instance->purges. A lookup that began before that keeps nothing in L1, and no
 * request joins it any more. But it may have sent a fill to Redis already,
 * which waits in the connection of its thread. Therefore every request thread
 * purges Redis on its own connection, after its fills.
 *
 * Other instances have an L1 and fills of their own. Each is purged at its own
 * admin port.
 */
#pragma once

#include "api/admin/operand.h"

#include <stdbool.h>

struct instance;

struct purge_report {
	size_t l1_entries;
	bool redis; /* false: Redis, or a part of it, could not be reached */
};

typedef void (*purge_done)(void *arg, const struct purge_report *report);

/* Main loop. The instance must not drain, since the other threads are needed.
 * Takes the operand. `done` is called once, later, on the main loop. */
void purge_begin(
    struct instance *instance, struct operand *o, purge_done done, void *arg);
/* The same; `done` gets a 200, or a 503 if Redis could not be reached, and what
 * was purged as JSON. */
void purge_begin_described(
    struct instance *instance, struct operand *o, operand_done done, void *arg);
