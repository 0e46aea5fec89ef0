/* The verbs that rights are granted by: common/access/verbs.def. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define VERB(name, scope, what) VERB_##name,
enum verb {
#include "common/access/verbs.def"
	VERB_COUNT
};
#undef VERB

enum verb_scope { VERB_COLLECTION, VERB_SERVICE };

/* "read", … */
const char *verb_name(enum verb v);
/* Who grants it: the declaration of a collection, or a setting. */
enum verb_scope verb_scope(enum verb v);
/* The verb of this name. False: there is none. */
bool verb_find(const char *name, size_t len, enum verb *out);
