/* Reserving integer keys, for all threads (api/write/id_blocks.h).
 *
 * Postgres chooses blocks that no row is in, and a record in sluice.ids makes
 * them this instance's (api/write/id_log.h). Each covers the loss of the other:
 * a sequence that a failover put back is pushed behind what the topic says, and
 * a topic that was made again begins behind the sequence. While Postgres does
 * not answer, blocks are chosen from the ids that it last called rowless.
 */
#pragma once

#include "api/core/instance.h"
#include "common/schema/collection.h"

#include "api/write/id_log.h"

/* Asks for more if they are due and nobody does; from the worker's thread. */
void id_reserve_ids(struct thread *t, const struct collection *c);
/* The worker's timer: the same for every collection, ahead of need. */
void id_reserve_all(struct thread *t);
/* From the main loop, of struct id_tail_options; `arg` is the instance. */
void id_reserve_mine(
    void *instance, const struct collection *c, struct id_range ids);
void id_reserve_ended(void *instance, const struct collection *c, bool late);
