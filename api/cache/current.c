#include "api/cache/current.h"

bool current_allows(const struct floors *f, const struct collection *c,
    struct key_slot slot, const struct value *v, enum tier tier)
{
	bool spans = v->page && v->page->n; /* all partitions */
	if (spans && tier == TIER_PRIMARY)
		return floors_allow_page_primary(f, c->index, v->page->as_of);
	if (spans)
		return floors_allow_page(f, c->index, v->page->as_of);
	if (tier == TIER_PRIMARY)
		return floors_allow_primary(f, slot, v->as_of);
	return floors_allow(f, slot, v->as_of);
}
