/* The value of a setting that is in a file of its own: `<setting>.file = path`.
 *
 * Secrets are given this way by Docker, Kubernetes and systemd. The file may be
 * replaced at any time, and is then read again (common/daemon/reload.h).
 */
#pragma once

#include "common/base/err.h"

/* A value may have this many bytes. */
enum { SECRET_FILE_MAX = 64 * 1024 };

/* Reads a regular file, without one newline at its end. *out: owned. FATAL: it
 * cannot be read, is empty or too large, or has a NUL or another control
 * character; the error names the file and never shows its content. Blocks, but
 * not for a writer of a pipe. */
struct err secret_file_read(const char *path, char **out);
