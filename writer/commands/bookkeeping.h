/* The tables of the schema `sluice`, as one idempotent script. The tables of
 * the collections are in writer/commands/tables.h.
 */
#pragma once

#include "writer/core/settings.h"

#include "common/base/buf.h"

/* Also adds the row of sluice.log and the rows of sluice.progress for the log
 * of these settings, if they are missing. */
void bookkeeping_sql(struct buf *out, const struct writer_settings *s);
