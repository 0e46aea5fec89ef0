/* The characters of a JSON string (as jsonraw_scan lets it pass), its escapes
 * resolved.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct jsonraw;

/* From behind the opening quote to the closing one. */
struct jsontext {
	const char *p, *end;
};

struct jsontext jsontext_of(struct jsonraw string);
/* The bytes of the next code point, as UTF-8; 0: there is none. */
size_t jsontext_next(struct jsontext *t, char out[4]);
/* Are they the same characters, however they are written? */
bool jsontext_same(struct jsonraw a, struct jsonraw b);
/* <0, 0, >0: by the bytes of the characters, however they are written. */
int jsontext_compare(struct jsonraw a, struct jsonraw b);
/* Of the characters; another one in each process (common/base/hash.h). */
uint64_t jsontext_hash(struct jsonraw string);
/* Code points. */
size_t jsontext_length(struct jsonraw string);
/* The code point behind `\u`, both halves of a pair taken; -1: none that
 * Postgres takes (U+0000, half a pair, no hex digits). */
int32_t jsontext_point(const char **p, const char *end);
