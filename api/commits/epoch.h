/* Which log of writes the database belongs to: the table sluice.log, as the
 * primary has it.
 *
 * A version is an offset with the epoch of its log. A position with an old
 * epoch looks as if its commit had passed, so a wait for it would end at once.
 * Therefore no position is returned before the epoch is known, or after a newer
 * epoch was heard of. And no writer applies writes to a log that the database
 * does not belong to. Therefore an instance that is configured for another log
 * refuses writes, and ends.
 *
 * The primary is asked again from time to time, because an operator may move to
 * a new log.
 */
#pragma once

#include "common/log/version.h"

#include <stdbool.h>
#include <stdint.h>

struct instance;
struct epoch;

/* On the main loop. */
struct epoch *epoch_new(struct instance *instance);
/* Any thread. Makes the version of an offset. False: the epoch of the offset is
 * not known. */
bool epoch_position(const struct instance *instance, int32_t partition,
    int64_t offset, version_t *out);
/* Any thread. False: the epoch is not known, or a newer one was heard of. */
bool epoch_now(const struct instance *instance, uint32_t *out);
/* Main loop: this module's connection to the primary; borrowed. */
struct pg *epoch_pg(const struct epoch *e);
/* Any thread: the database belongs to another log, so that no writer would
 * apply a write. */
bool epoch_is_other(const struct epoch *e);
/* Any thread: the database has no schema `sluice` yet. */
bool epoch_is_unmigrated(const struct epoch *e);
/* Any thread: the primary has answered. */
bool epoch_known(const struct epoch *e);
void epoch_free(struct epoch **e);
