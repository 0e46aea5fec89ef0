/* The hash of the tables in memory. It is seeded once per process, so that
 * nobody outside can choose keys or names that collide. It is no data format:
 * what is stored or sent uses a hash of its own (common/log/keyspace.h).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

uint64_t hash_bytes(const void *s, size_t len);
/* The seed, for a hash of another width. */
uint64_t hash_seed(void);
