#include "api/commits/commit_wait.h"

#include "api/commits/tail.h"

enum step_result commit_wait(struct request *r, struct position p)
{
	struct thread *t = r->thread;
	waiters_add(t->waits, &r->parking.wait, p);
	/* Not earlier (api/core/waiters.h): the mark that passes the position
	 * may have come meanwhile, and have found nobody who waits. */
	if (p.version >= tail_through(t->instance->tail, p.partition))
		return STEP_PARK;
	waiters_remove(t->waits, &r->parking.wait);
	return STEP_MORE;
}
