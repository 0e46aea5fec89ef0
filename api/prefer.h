/* Prefer (RFC 7240) and entity tags (RFC 9110, 8.8.3) (pure core). */
#pragma once

#include "common/clock.h"

#include <stdbool.h>

struct prefer {
	bool has_wait;
	dur_us_t wait; /* at most 30 s */
	bool respond_async;
	bool has_return;
	bool return_minimal;
};

enum { PREFER_WAIT_MAX_S = 30 };

/* Adds the preferences of one header line; unknown ones are ignored, and of
 * two alike the first counts, as the RFC says. */
void prefer_parse(const char *header, struct prefer *out);

/* Compares a list (or `*`) with a tag as `"1042"`; strong: weak ones are others
 * (RFC 9110, 8.8.3.2). */
bool etag_listed(const char *header, const char *etag, bool strong);
