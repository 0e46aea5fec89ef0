/* JSON pointers (RFC 6901; pure core). */
#pragma once

#include "common/base/buf.h"

#include <stddef.h>

/* Appends `/` and the name of a member, in which `~` and `/` are escaped. */
void jsonpointer_add(struct buf *out, const char *name, size_t len);
