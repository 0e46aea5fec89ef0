#include "common/log/outcome.h"

#include "common/base/check.h"

#include <string.h>

static const char *const names[] = {
    [OUTCOME_CREATED] = "created",
    [OUTCOME_REPLACED] = "replaced",
    [OUTCOME_DELETED] = "deleted",
};

#define NAMES ((int)(sizeof names / sizeof *names))

const char *outcome_name(enum outcome_kind kind, enum reason reason)
{
	if (kind == OUTCOME_REJECTED)
		return reason_row(reason)->name;
	CHECK((int)kind < NAMES && names[kind] != NULL);
	return names[kind];
}

enum outcome_kind outcome_parse(
    const char *name, size_t len, enum reason *reason)
{
	*reason = REASON_NONE;
	for (int k = OUTCOME_CREATED; k < NAMES; k++) {
		if (strlen(names[k]) == len && memcmp(names[k], name, len) == 0)
			return (enum outcome_kind)k;
	}
	*reason = reason_parse(name, len);
	return OUTCOME_REJECTED;
}
