/* Header fields that are lists of `name[=value][;parameters], …` (pure core):
 * Prefer (RFC 7240), Cache-Control (RFC 9111). */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct header_list_word {
	const char *s;
	size_t len;
};

/* A token each; the value may have been a quoted string, and is without its
 * quotes (escapes stay). Either may be empty. Parameters are skipped. */
struct header_list_item {
	struct header_list_word name, value;
};

/* Takes the next item off the front of `*at`; false at its end. */
bool header_list_next(const char **at, struct header_list_item *out);
/* Whatever the case. */
bool header_list_is(struct header_list_word w, const char *text);
