/* The events of a change feed, as server-sent events (pure core): `put` with
 * the document, `delete`, and `reset` where changes may be missing. A blank
 * line ends an event. An id that is written before the event belongs to it. */
#pragma once

#include "common/log/record.h"
#include "common/schema/collection.h"

/* Appends the event for a record of the collection. */
void change_event_commit(struct buf *out, const struct collection *c,
    const struct record_commit *commit);
void change_event_reset(struct buf *out, int32_t partition);
