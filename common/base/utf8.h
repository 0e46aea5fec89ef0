/* UTF-8 (RFC 3629): no surrogates, no overlong forms, at most U+10FFFF. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

bool utf8_valid(const char *s, size_t len);
/* The number of leading bytes that are valid. */
size_t utf8_prefix(const char *s, size_t len);
