/* A collection: what is declared once about its documents.
 *
 * The table, the validation and the SQL follow from it. They are declared in
 * collection.c: `records`, and `counters`, whose fields can be incremented.
 */
#pragma once

#include "common/clock.h"

#include <stdbool.h>
#include <stddef.h>

enum field_type { FIELD_STRING, FIELD_INTEGER, FIELD_NUMBER };

struct field {
	const char *name;
	enum field_type type;
	bool required;
};

struct collection {
	const char *name;
	const struct field *fields; /* without key, times and version */
	size_t nfields;
	/* On commit: set the caches to the new document, or drop it. */
	bool refresh;
};

enum { COLLECTION_KEY_MAX = 255 }; /* bytes, after percent-decoding */

/* NULL when there is none of that name. */
const struct collection *collection_find(const char *name, size_t len);
/* The i-th, in order of declaration; NULL past the last. */
const struct collection *collection_at(size_t i);
