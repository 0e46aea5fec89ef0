/* Why a write was rejected: one table, common/log/reasons.def. */
#pragma once

#include <stddef.h>

#define REASON(id, name, status, problem, text) id,
enum reason {
	REASON_NONE,
#include "common/log/reasons.def"
	REASON_COUNT
};
#undef REASON

struct reason_row {
	const char *name;
	unsigned status;
	const char *problem;
	const char *text;
};

/* The row of a reason other than REASON_NONE. */
const struct reason_row *reason_row(enum reason r);
/* A name that is not known is one of a newer writer: REASON_DATA. */
enum reason reason_parse(const char *name, size_t len);
