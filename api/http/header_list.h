/* Header fields that are lists of `name[=value][;parameters], …`, such as
 * Prefer (RFC 7240) and Cache-Control (RFC 9111) (pure core). */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct header_list_word {
	const char *s;
	size_t len;
};

/* Name and value are tokens. A value may also be a quoted string; it is
 * returned without its quotes, and escapes stay. Either may be empty.
 * Parameters are skipped. */
struct header_list_item {
	struct header_list_word name, value;
};

/* Takes the next item from *at, which it moves on. False: there are no more. */
bool header_list_next(const char **at, struct header_list_item *out);
/* Compares without regard to case. */
bool header_list_is(struct header_list_word w, const char *text);
