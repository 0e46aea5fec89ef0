/* Reads a file into memory, up to a bound: files of keys and of key sets. */
#pragma once

#include "common/base/buf.h"
#include "common/base/err.h"

/* Appends the bytes. `most`: of the file, in bytes. The error (FATAL) names the
 * file and the reason. A folder or a pipe is refused. */
struct err small_file_read(const char *path, size_t most, struct buf *out);
