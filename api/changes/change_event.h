/* The events of a change feed, as server-sent events (pure core): `put` with
 * the document, `delete`, and `reset` where changes may be missing. A blank
 * line ends an event. An id that is written before the event belongs to it. */
#pragma once

#include "common/log/record.h"
#include "common/schema/collection.h"

#include <stdbool.h>

/* Makes of a record what a subscriber may see. `owner` NULL: all of it. For an
 * owner: own documents, without who changed them; one that now belongs to
 * somebody else, or is gone, as a delete. False: nothing. */
bool change_event_narrow(const struct collection *c, const char *owner,
    struct record_commit *commit);
/* Appends the event for a record of the collection. */
void change_event_commit(struct buf *out, const struct collection *c,
    const struct record_commit *commit);
void change_event_reset(struct buf *out, int32_t partition);
