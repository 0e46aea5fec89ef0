#include "common/access/verb.h"

#include "common/base/check.h"

#include <string.h>

static const struct {
	const char *name;
	enum verb_scope scope;
} verbs[VERB_COUNT] = {
#define VERB(name, scope, what) [VERB_##name] = {#name, VERB_##scope},
#include "common/access/verbs.def"
#undef VERB
};

const char *verb_name(enum verb v)
{
	CHECK(v < VERB_COUNT);
	return verbs[v].name;
}

enum verb_scope verb_scope(enum verb v)
{
	CHECK(v < VERB_COUNT);
	return verbs[v].scope;
}

bool verb_find(const char *name, size_t len, enum verb *out)
{
	for (int v = 0; v < VERB_COUNT; v++) {
		if (strlen(verbs[v].name) != len ||
		    memcmp(verbs[v].name, name, len) != 0)
			continue;
		*out = (enum verb)v;
		return true;
	}
	return false;
}
