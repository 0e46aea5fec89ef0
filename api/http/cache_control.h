/* Cache-Control of a read (RFC 9111, 5.2.1) (pure core). */
#pragma once

#include <stdbool.h>

struct cache_control {
	bool no_cache;	     /* not from L1 or Redis */
	bool only_if_cached; /* only from L1 or Redis */
};

/* Adds the directives of one header line. Ignores directives that Sluice does
 * not use. */
void cache_control_parse(const char *header, struct cache_control *out);
