/* Cache-Control of a read (RFC 9111, 5.2.1) (pure core). */
#pragma once

#include <stdbool.h>

struct cache_control {
	bool no_cache;	     /* past L1 and Redis */
	bool only_if_cached; /* L1 and Redis or nothing */
};

/* Adds the directives of one header line; those that mean nothing here are
 * ignored. */
void cache_control_parse(const char *header, struct cache_control *out);
