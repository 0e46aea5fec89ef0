/* Bytes for tests of what takes a length. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

/* The bytes without a NUL behind them: the sanitizer sees one too far. */
static inline char *bytes_of(const char *text, size_t len)
{
	char *owned = malloc(len ? len : 1);
	assert_non_null(owned);
	memcpy(owned, text, len);
	return owned;
}

struct text {
	const char *s;
	size_t len;
};
#define T(s)                                                                   \
	{                                                                      \
		s, sizeof(s) - 1                                               \
	}
