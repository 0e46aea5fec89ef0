/* JSON values as the bytes that they are written in.
 *
 * What is not looked into travels byte for byte, so that no number loses a
 * digit. A scan accepts what RFC 8259 says, and of that, what Postgres takes:
 * UTF-8, no \u0000, surrogates in pairs.
 */
#pragma once

#include "common/base/buf.h"

#include <stdbool.h>
#include <stddef.h>

/* Borrowed; without blanks around. s NULL: there is none. */
struct jsonraw {
	const char *s;
	size_t len;
};

enum jsonraw_kind {
	JSONRAW_OBJECT,
	JSONRAW_ARRAY,
	JSONRAW_STRING,
	JSONRAW_NUMBER,
	JSONRAW_BOOL,
	JSONRAW_NULL,
};

/* False: not one JSON value with nothing but blanks around, or one that is
 * nested deeper than JSONRAW_DEPTH. The functions below take what passed. */
enum { JSONRAW_DEPTH = 64 };
bool jsonraw_scan(const char *s, size_t len, struct jsonraw *out);
/* The same, and says where it ends being JSON, and why. */
struct jsonraw_fault {
	size_t at; /* bytes from the beginning */
	const char *what;
};
bool jsonraw_parse(const char *s, size_t len, struct jsonraw *out,
    struct jsonraw_fault *fault);

enum jsonraw_kind jsonraw_kind(struct jsonraw v);

struct jsonraw_member {
	const char *at, *end;
	struct jsonraw name; /* with its quotes */
	struct jsonraw value;
};

/* In front of the first one; of none, there are none. */
struct jsonraw_member jsonraw_members(struct jsonraw object);
/* False: there are no more. */
bool jsonraw_next(struct jsonraw_member *m);

struct jsonraw_element {
	const char *at, *end;
	struct jsonraw value;
};

/* The same for an array. */
struct jsonraw_element jsonraw_elements(struct jsonraw array);
bool jsonraw_each(struct jsonraw_element *e);

/* Is that the string, its escapes resolved? */
bool jsonraw_equals(struct jsonraw string, const char *s, size_t len);
/* Appends the characters of a string. */
void jsonraw_text(struct buf *out, struct jsonraw string);
