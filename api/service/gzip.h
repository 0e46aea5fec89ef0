/* Compression of a body that is made once and sent often (RFC 1952) (pure
 * core). */
#pragma once

#include "common/base/buf.h"

#include <stdbool.h>

/* Appends the gzip form of `len` bytes to `out`. False, and nothing is
 * appended: the form is not shorter than the bytes. */
bool gzip_add(struct buf *out, const char *bytes, size_t len);
