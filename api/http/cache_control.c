#include "api/http/cache_control.h"

#include "api/http/header_list.h"

void cache_control_parse(const char *header, struct cache_control *out)
{
	struct header_list_item item;
	while (header_list_next(&header, &item)) {
		if (header_list_is(item.name, "no-cache"))
			out->no_cache = true;
		else if (header_list_is(item.name, "only-if-cached"))
			out->only_if_cached = true;
	}
}
