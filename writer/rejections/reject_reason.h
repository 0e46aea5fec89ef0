/* Makes a rejection of the error that Postgres returned for a write. */
#pragma once

#include "writer/decide/write.h"

#include "common/base/err.h"

/* Refuses the write, and logs it. `e` is of the kind REJECT; `constraint`: its
 * name, or "". */
void reject_reason_write(struct write *w, int32_t partition,
    const struct err *e, const char *constraint);
/* The same for an operation of a batch, which refuses all of it. */
void reject_reason_operation(struct write *w, size_t operation,
    int32_t partition, const struct err *e, const char *constraint);
