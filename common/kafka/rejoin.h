/* May a fenced member join its group again? (pure core)
 *
 * Kafka fences a named member if another process has taken its name. That is
 * for good: the process ends. But a member can also be fenced by a heartbeat of
 * its own. If the broker pauses for longer than the session, the member gives
 * itself up for lost and joins anew, with a new member id. A heartbeat from
 * before the pause still has the old id. If it is answered after the member has
 * joined, the coordinator takes the old id for another process (librdkafka
 * issue 3437).
 *
 * The coordinator says the same in both cases. So a fence counts as the
 * member's own if it follows a lost session, until the member has had its
 * assignment for one session: a heartbeat waits no longer for its answer. A
 * loss excuses one fence. So two processes of one name take it from each other
 * at most once for each loss; then one of them ends.
 */
#pragma once

#include "common/base/clock.h"

#include <stdbool.h>

/* Begins as all zeroes. */
struct rejoin {
	bool lost;	/* a session was lost, which excuses a fence */
	mono_us_t back; /* when the group assigned partitions after that;
			   0: not yet */
};

/* The session is lost. */
void rejoin_lost(struct rejoin *r);
/* The group has assigned partitions, or none. */
void rejoin_assigned(struct rejoin *r, mono_us_t now);
/* The member is fenced: may it join again? Forgets the loss. */
bool rejoin_fenced(struct rejoin *r, mono_us_t now, dur_us_t session);
