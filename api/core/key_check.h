/* Is it a key of the collection (pure core)? */
#pragma once

#include "api/core/problem.h"
#include "common/schema/collection.h"

/* 1 to 255 bytes of UTF-8 without NUL, in the form of the collection's keys.
 * Adds a violation otherwise. */
bool key_check(const struct collection *c, const char *key, size_t len,
    struct violations *out);
/* What form a key of this type has: "must be …". */
const char *key_check_form(enum key_type t);
