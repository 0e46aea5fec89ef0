/* From what Postgres said of a write to its rejection. */
#pragma once

#include "writer/decide/write.h"

#include "common/base/err.h"

/* Refuses the write, and logs it. `e` has the verdict REJECT; `constraint`: its
 * name, or "". */
void blame_write(struct write *w, int32_t partition, const struct err *e,
    const char *constraint);
