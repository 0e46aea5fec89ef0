/* What a tier says of a key, held against what was committed (pure core).
 *
 * Of a store it is known, by its watermark, which commits it says that it has;
 * so age alone is no violation: only a store that is past a commit and holds
 * something older is wrong. Absent is always safe in a cache.
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
	bool present; /* else: it says that there is no such row */
	version_t version;
	version_t as_of;
	bool has_digest;
	uint64_t digest;
};

enum audit_result {
	AUDIT_SKIPPED, /* it does not have the commit yet, or nothing */
	AUDIT_CURRENT,
	/* The committed version in other bytes: the row was changed behind the
	 * log, or a field was added. */
	AUDIT_CHANGED,
	AUDIT_VIOLATION,
};

/* `heard`: every commit below was heard of. */
enum audit_result audit_judge(
    const struct audit_commit *c, const struct audit_sight *s, version_t heard);
