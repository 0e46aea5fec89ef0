/* The characters of a JSON string, with its escapes resolved. The string must
 * have passed jsonslice_scan.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct jsonslice;

/* From behind the opening quote to the closing one. */
struct jsonstring {
	const char *p, *end;
};

struct jsonstring jsonstring_of(struct jsonslice string);
/* The bytes of the next code point, as UTF-8; 0: there is none. */
size_t jsonstring_next(struct jsonstring *t, char out[4]);
/* Are they the same characters, however they are written? */
bool jsonstring_same(struct jsonslice a, struct jsonslice b);
/* <0, 0, >0: by the bytes of the characters, however they are written. */
int jsonstring_compare(struct jsonslice a, struct jsonslice b);
/* A hash of the characters; it differs in each process (common/base/hash.h). */
uint64_t jsonstring_hash(struct jsonslice string);
/* The number of code points. */
size_t jsonstring_length(struct jsonslice string);
/* The code point behind `\u`; reads both halves of a surrogate pair. -1: one
 * that Postgres does not accept (U+0000, half a pair, no hex digits). */
int32_t jsonstring_point(const char **p, const char *end);
