#include "api/write/uuidv7.h"

#include <inttypes.h>
#include <stdio.h>

void uuidv7_make(
    wall_us_t now, uint64_t random_a, uint64_t random_b, char out[UUIDV7_LEN])
{
	uint64_t ms = (uint64_t)(now / 1000) & 0xffffffffffff;
	uint64_t variant = 0x8000 | (random_b >> 48 & 0x3fff);
	snprintf(out, UUIDV7_LEN,
	    "%08" PRIx64 "-%04" PRIx64 "-7%03" PRIx64 "-%04" PRIx64
	    "-%012" PRIx64,
	    ms >> 16, ms & 0xffff, random_a & 0xfff, variant,
	    random_b & 0xffffffffffff);
}
