/* The schema that the writer needs, as one idempotent script. */
#pragma once

#include "writer/settings.h"

#include "common/buf.h"

/* With the row of sluice.log and the rows of sluice.progress for a log of
 * these settings, where there is none yet. */
void schema_sql(struct buf *out, const struct writer_settings *s);
