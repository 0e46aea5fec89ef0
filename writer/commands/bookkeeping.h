/* The tables that Sluice keeps for itself, as one idempotent script; those of
 * the collections are writer/commands/tables.h's.
 */
#pragma once

#include "writer/core/settings.h"

#include "common/base/buf.h"

/* With the row of sluice.log and the rows of sluice.progress for a log of
 * these settings, where there is none yet. */
void bookkeeping_sql(struct buf *out, const struct writer_settings *s);
