/* Header fields that are lists of `name[=value][;parameters], …` (pure core):
 * Prefer (RFC 7240), Cache-Control (RFC 9111). */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct headerlist_word {
	const char *s;
	size_t len;
};

/* A token each; the value may have been a quoted string, and is without its
 * quotes (escapes stay). Either may be empty. Parameters are skipped. */
struct headerlist_item {
	struct headerlist_word name, value;
};

/* Takes the next item off the front of `*at`; false at its end. */
bool headerlist_next(const char **at, struct headerlist_item *out);
/* Whatever the case. */
bool headerlist_is(struct headerlist_word w, const char *text);
