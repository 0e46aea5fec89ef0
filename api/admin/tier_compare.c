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

enum tier_compare tier_compare_of(const struct value *v, version_t floor,
    version_t through, const struct value *primary)
{
	if (v == NULL)
		return TIER_COMPARE_NONE;
	if (v->as_of < floor)
		return TIER_COMPARE_BEHIND;
	if (primary == NULL)
		return TIER_COMPARE_UNCHECKED;
	if (same_row(v, primary))
		return same_bytes(v, primary) ? TIER_COMPARE_CURRENT
					      : TIER_COMPARE_CHANGED;
	if (primary->as_of < floor)
		return TIER_COMPARE_AHEAD;
	/* This instance has heard of every commit that the primary has, and
	 * none of them raised the floor above this value. */
	return through >= primary->as_of ? TIER_COMPARE_STALE
					 : TIER_COMPARE_PENDING;
}

const char *tier_compare_name(enum tier_compare s)
{
	static const char *const names[TIER_COMPARE_COUNT] = {"none", "current",
	    "behind", "unchecked", "pending", "ahead", "changed", "stale"};
	CHECK(s < TIER_COMPARE_COUNT);
	return names[s];
}
