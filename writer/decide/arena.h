/* Bytes that live as long as the fold that made them. */
#pragma once

#include "common/json/jsonslice.h"

#include <stddef.h>

/* Begins as all zeroes. */
struct arena {
	struct arena_block *blocks;
	size_t bytes; /* kept */
};

/* A copy, NUL-terminated. */
struct jsonslice arena_keep(struct arena *a, const char *s, size_t len);
void arena_free(struct arena *a);
