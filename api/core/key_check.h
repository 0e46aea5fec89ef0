/* Checks whether a text is a key of a collection (pure core). */
#pragma once

#include "api/core/problem.h"
#include "common/schema/collection.h"

/* True: 1 to 255 bytes of UTF-8 without NUL, in the form of the collection's
 * keys. Otherwise adds a violation. */
bool key_check(const struct collection *c, const char *key, size_t len,
    struct violations *out);
/* True: it may be the group of keys: 1 to 255 bytes of UTF-8 without NUL and
 * without a colon. Otherwise adds a violation. */
bool key_check_group(const char *group, size_t len, struct violations *out);
/* The form of keys of this type, for people: "must be …". */
const char *key_check_form(const struct collection *c);
