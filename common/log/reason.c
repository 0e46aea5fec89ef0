#include "common/log/reason.h"

#include "common/base/check.h"

#include <string.h>

#define REASON(id, name, status, problem, text)                                \
	[id] = {name, status, problem, text},
static const struct reason_row rows[REASON_COUNT] = {
#include "common/log/reasons.def"
};
#undef REASON

const struct reason_row *reason_row(enum reason r)
{
	CHECK(r > REASON_NONE && r < REASON_COUNT);
	return &rows[r];
}

enum reason reason_parse(const char *name, size_t len)
{
	for (int r = REASON_NONE + 1; r < REASON_COUNT; r++) {
		if (strlen(rows[r].name) == len &&
		    memcmp(rows[r].name, name, len) == 0)
			return (enum reason)r;
	}
	return REASON_DATA;
}
