#include "api/admin/tier_compare.h"

#include "common/base/check.h"

#include <stdbool.h>
#include <string.h>

static bool same_row(const struct value *a, const struct value *b)
{
	return a->present == b->present && a->version == b->version;
}

static bool same_bytes(const struct value *a, const struct value *b)
{
	return a->len == b->len && memcmp(a->doc, b->doc, a->len) == 0;
}

enum standing standing_of(const struct value *v, version_t floor,
    version_t through, const struct value *primary)
{
	if (v == NULL)
		return STANDING_NONE;
	if (v->as_of < floor)
		return STANDING_BEHIND;
	if (primary == NULL)
		return STANDING_UNCHECKED;
	if (same_row(v, primary))
		return same_bytes(v, primary) ? STANDING_CURRENT
					      : STANDING_CHANGED;
	if (primary->as_of < floor)
		return STANDING_AHEAD;
	/* All commits that the primary holds were heard of, and none of them
	 * has raised the floor above this value. */
	return through >= primary->as_of ? STANDING_STALE : STANDING_PENDING;
}

const char *standing_name(enum standing s)
{
	static const char *const names[STANDING_COUNT] = {"none", "current",
	    "behind", "unchecked", "pending", "ahead", "changed", "stale"};
	CHECK(s < STANDING_COUNT);
	return names[s];
}
