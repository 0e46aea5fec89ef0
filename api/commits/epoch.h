/* Which log the database belongs to: sluice.log, as the primary tells it.
 *
 * A position is an offset with the epoch of its log. With another epoch it
 * would be one that was passed long ago, and a wait for it no wait at all: so
 * none is told before the epoch is known, and none where a newer one was heard
 * of. And writes to a log that the database does not belong to are applied by
 * nobody: an instance that is set to another one refuses them, and ends.
 *
 * Asked from time to time, since an operator may move to a new log.
 */
#pragma once

#include "common/log/version.h"

#include <stdbool.h>
#include <stdint.h>

struct instance;
struct epoch;

/* On the main loop. */
struct epoch *epoch_new(struct instance *instance);
/* Any thread. False: it is not known which epoch the offset is of. */
bool epoch_position(const struct instance *instance, int32_t partition,
    int64_t offset, version_t *out);
/* Any thread. False: it is not known, or a newer one was heard of. */
bool epoch_now(const struct instance *instance, uint32_t *out);
/* On the main loop: its connection to the primary; borrowed. */
struct pg *epoch_pg(const struct epoch *e);
/* Any thread: nobody would apply what is appended. */
bool epoch_is_other(const struct epoch *e);
/* Any thread: the database has no schema `sluice` yet. */
bool epoch_is_unmigrated(const struct epoch *e);
/* Any thread: the database has told. */
bool epoch_known(const struct epoch *e);
void epoch_free(struct epoch **e);
