/* What a batch records besides its rows: rejections, idempotency keys, replays,
 * and how far the producers are (no I/O).
 */
#pragma once

#include "common/postgres/pg_params.h"
#include "writer/decide/verdicts.h"

enum { SIDE_WRITES_MAX = 6 };

/* Fills as many empty calls as are needed for n slices; returns how many. */
size_t side_writes_make(const struct verdicts *const *slices, size_t n,
    struct pg_params calls[SIDE_WRITES_MAX]);
