/* The tokens of a JSON value, from its first byte to its last (pure core).
 *
 * Code that must read a whole document walks over it once. Going down level by
 * level would read each byte once for every level above it.
 */
#pragma once

#include "common/json/jsonslice.h"

enum jsonwalk_token {
	JSONWALK_END,
	JSONWALK_OBJECT, /* an object begins */
	JSONWALK_ARRAY,	 /* an array begins */
	JSONWALK_CLOSE,	 /* the innermost of them ends */
	JSONWALK_NAME,	 /* of a member: its value is the next token */
	JSONWALK_STRING,
	JSONWALK_NUMBER,
	JSONWALK_WORD, /* true, false, null */
};

/* Begins as {.at = first byte, .end = behind the last one}. The text must have
 * passed jsonslice_scan, or be the content between the brackets of one that
 * did. */
struct jsonwalk {
	const char *at, *end;
	/* The bytes of the last token: only the bracket of an object or array;
	 * a name or string with its quotes. */
	struct jsonslice token;
};

enum jsonwalk_token jsonwalk_next(struct jsonwalk *w);
