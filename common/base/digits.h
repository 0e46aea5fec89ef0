/* Numbers as text, where snprintf would take too long (pure core). */
#pragma once

#include <stdint.h>

enum {
	DIGITS_DECIMAL = 20, /* of the longest uint64_t */
	DIGITS_HEX = 16,
};

/* Writes v in decimal so that it ends just before `end`. Returns where it
 * begins. */
char *digits_decimal(char *end, uint64_t v);
/* Writes 16 lower-case digits; no NUL. */
void digits_hex(char out[DIGITS_HEX], uint64_t v);
