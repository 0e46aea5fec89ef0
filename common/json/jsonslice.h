/* JSON values as slices of their text.
 *
 * Values are copied byte for byte and not converted, so that no number loses a
 * digit. A scan accepts the JSON of RFC 8259 that Postgres accepts, too: UTF-8,
 * no \u0000, surrogates in pairs.
 */
#pragma once

#include "common/base/buf.h"

#include <stdbool.h>
#include <stddef.h>

/* Borrowed; without blanks around. s NULL: there is none. */
struct jsonslice {
	const char *s;
	size_t len;
};

enum jsonslice_kind {
	JSONSLICE_OBJECT,
	JSONSLICE_ARRAY,
	JSONSLICE_STRING,
	JSONSLICE_NUMBER,
	JSONSLICE_BOOL,
	JSONSLICE_NULL,
};

/* True: the text is one JSON value with nothing but blanks around it, nested at
 * most JSONSLICE_DEPTH deep. The functions below need values that passed. */
enum { JSONSLICE_DEPTH = 64 };
bool jsonslice_scan(const char *s, size_t len, struct jsonslice *out);
/* The same, and says where it stops being JSON, and why. */
struct jsonslice_fault {
	size_t at; /* bytes from the beginning */
	const char *what;
};
bool jsonslice_parse(const char *s, size_t len, struct jsonslice *out,
    struct jsonslice_fault *fault);

enum jsonslice_kind jsonslice_kind(struct jsonslice v);

struct jsonslice_member {
	const char *at, *end;
	struct jsonslice name; /* with its quotes */
	struct jsonslice value;
};

/* An iterator before the first member. */
struct jsonslice_member jsonslice_members(struct jsonslice object);
/* False: there are no more. */
bool jsonslice_next(struct jsonslice_member *m);

struct jsonslice_element {
	const char *at, *end;
	struct jsonslice value;
};

/* The same for an array. */
struct jsonslice_element jsonslice_elements(struct jsonslice array);
bool jsonslice_each(struct jsonslice_element *e);

/* Is the string equal to `s`, with its escapes resolved? */
bool jsonslice_equals(struct jsonslice string, const char *s, size_t len);
/* Appends the characters of a string. */
void jsonslice_text(struct buf *out, struct jsonslice string);
