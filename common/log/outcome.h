/* What became of a write, and the names of it. The names stand in batch marks,
 * in sluice.idempotency and in sluice.replays, and never change once released.
 */
#pragma once

#include "common/log/reason.h"

#include <stddef.h>

enum outcome_kind {
	OUTCOME_UNKNOWN,  /* has no name */
	OUTCOME_APPLIED,  /* replaced or deleted a row; has no name */
	OUTCOME_CREATED,  /* created its row */
	OUTCOME_REPLACED, /* the row was there before */
	OUTCOME_DELETED,
	OUTCOME_REJECTED, /* has the name of its reason */
};

/* `reason` counts for OUTCOME_REJECTED. */
const char *outcome_name(enum outcome_kind kind, enum reason reason);
/* Sets *reason: REASON_NONE if the write was not rejected. A name that is not
 * known is a reason of a newer writer: REASON_DATA. */
enum outcome_kind outcome_parse(
    const char *name, size_t len, enum reason *reason);
