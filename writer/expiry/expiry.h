/* Deletes documents whose time has come (common/schema/expiry.h). Readers do
 * not serve them any more, whether they are deleted or not.
 *
 * Every expiry.interval the writer looks for such rows, a thousand at a time,
 * by the index on the field. For each row of its own partitions it appends a
 * delete to the log, conditioned on the version that it read and on the time of
 * the row (RECORD_IF_EXPIRED). The delete is applied like every other write. So
 * caches, feeds and rows agree, and a document that was written again in the
 * meantime stays.
 */
#pragma once

#include "writer/core/context.h"

struct expiry;
struct partition;

/* Borrows the partitions, indexed by number; NULL: not this writer's. Returns
 * owned; NULL: no collection declares `expires`. */
struct expiry *expiry_new(
    struct context *x, struct partition *const *parts, size_t n);
/* Looks for no more rows, and forgets the deletes without a report. */
void expiry_free(struct expiry **e);
