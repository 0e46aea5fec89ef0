/* Prefer (RFC 7240) and entity tags (RFC 9110, 8.8.3) (pure core). */
#pragma once

#include "common/base/buf.h"
#include "common/base/clock.h"

#include <stdbool.h>

struct prefer {
	bool has_wait;
	dur_us_t wait; /* at most 30 s */
	bool respond_async;
	bool has_return;
	bool return_minimal;
	bool return_representation;
	bool has_count;
	bool count_exact; /* of a list: its total, too */
};

enum { PREFER_WAIT_MAX_S = 30 };

/* Adds the preferences of one header line. Ignores unknown preferences and
 * invalid values. If a preference comes twice, the first one counts (RFC 7240,
 * 2). */
void prefer_parse(const char *header, struct prefer *out);

/* The body of an answer to a write: its state, none, or the document. */
enum prefer_body { PREFER_STATE, PREFER_NOTHING, PREFER_DOCUMENT };
/* Appends the preferences that were applied, for Preference-Applied. */
void prefer_applied(
    const struct prefer *p, enum prefer_body body, struct buf *out);

/* Does `header`, a list of tags or `*`, contain `etag`, such as `"1042"`?
 * `strong`: weak tags do not match (RFC 9110, 8.8.3.2). */
bool etag_listed(const char *header, const char *etag, bool strong);
