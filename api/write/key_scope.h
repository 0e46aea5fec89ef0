/* The Idempotency-Key of a caller, as the log has it (pure core).
 *
 * Two callers may choose the same key, by chance or to learn what the other
 * did. So the log has a hash of the caller's subject and the key.
 */
#pragma once

#include <stddef.h>

enum { KEY_SCOPE_LEN = 64 };

/* The SHA-256 of both, in hex. Returns owned, NUL-terminated. */
char *key_scope(const char *subject, const char *key, size_t len);
