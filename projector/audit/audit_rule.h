/* Compares the value that a tier has for a key with what was committed (pure
 * core).
 *
 * A store's watermark says which commits it has. So an old value alone is no
 * violation: only a store whose watermark is past a commit, and that holds an
 * older value, is wrong. A missing entry is always safe in a cache.
 */
#pragma once

#include "common/log/version.h"

#include <stdbool.h>
#include <stdint.h>

/* The newest commit of a key that was heard of. */
struct audit_commit {
	version_t version;
	bool present;
	uint64_t digest; /* of the document, where it is present */
};

struct audit_sight {
	bool present; /* false: the tier says that there is no such row */
	version_t version;
	version_t as_of;
	bool has_digest;
	uint64_t digest;
};

enum audit_result {
	AUDIT_SKIPPED, /* no result: the tier is behind, or has no entry */
	AUDIT_CURRENT,
	/* The committed version with other bytes: the row was changed outside
	 * Sluice, or a field was added. */
	AUDIT_CHANGED,
	AUDIT_VIOLATION,
};

/* `heard`: every commit below was heard of. */
enum audit_result audit_judge(
    const struct audit_commit *c, const struct audit_sight *s, version_t heard);
