#include "common/schema/owner.h"

#include "common/base/check.h"
#include "common/json/jsonslice.h"

#include <string.h>

bool owner_has(const struct collection *c, const char *doc, size_t len,
    const char *owner, size_t owner_len)
{
	CHECK(c->owner.field != NULL);
	const char *name = c->owner.field->name;
	struct jsonslice_member m =
	    jsonslice_members((struct jsonslice){doc, len});
	while (jsonslice_next(&m)) {
		if (jsonslice_equals(m.name, name, strlen(name)))
			return jsonslice_kind(m.value) == JSONSLICE_STRING &&
			       jsonslice_equals(m.value, owner, owner_len);
	}
	return false;
}
