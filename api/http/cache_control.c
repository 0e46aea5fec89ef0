#include "api/http/cache_control.h"

#include "api/http/header_list.h"

void cachecontrol_parse(const char *header, struct cachecontrol *out)
{
	struct headerlist_item item;
	while (headerlist_next(&header, &item)) {
		if (headerlist_is(item.name, "no-cache"))
			out->no_cache = true;
		else if (headerlist_is(item.name, "only-if-cached"))
			out->only_if_cached = true;
	}
}
