/* Reserves integer keys for all threads (api/write/id_blocks.h).
 *
 * Postgres chooses blocks that contain no row, and a record in sluice.ids makes
 * them this instance's (api/write/id_log.h). Each makes up for a loss of the
 * other: a sequence that went back in a failover is moved past the ids of the
 * topic; a topic that was made again begins after the sequence. While Postgres
 * does not answer, blocks are chosen from the ids that it last called rowless.
 */
#pragma once

#include "api/core/instance.h"
#include "common/schema/collection.h"

#include "api/write/id_log.h"

/* Reserves more ids if they are needed and no other thread does. Called on the
 * worker's thread. */
void id_reserve_ids(struct thread *t, const struct collection *c);
/* The worker's timer: the same for every collection, before ids run out. */
void id_reserve_all(struct thread *t);
/* The callbacks `mine` and `ended` of struct id_tail_options. Main loop; the
 * first argument is the instance. */
void id_reserve_mine(
    void *instance, const struct collection *c, struct id_range ids);
void id_reserve_ended(void *instance, const struct collection *c, bool late);
