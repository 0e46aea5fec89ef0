#include "api/write/own_document.h"

#include "common/json/jsonslice.h"

#include <string.h>

/* The object with one more member, in front. */
static void own_document_fill(const struct collection *c,
    struct jsonslice object, bool empty, const char *owner, struct buf *out)
{
	buf_printf(out, "{\"%s\":", c->owner.field->name);
	buf_json(out, owner, strlen(owner));
	buf_str(out, empty ? "" : ",");
	buf_add(out, object.s + 1, object.len - 1);
}

enum own_document own_document(const struct collection *c, bool whole,
    const char *text, size_t len, const char *owner, struct buf *out)
{
	const char *name = c->owner.field->name;
	struct jsonslice object;
	if (!jsonslice_scan(text, len, &object) ||
	    jsonslice_kind(object) != JSONSLICE_OBJECT)
		return OWN_AS_IS;
	bool named = false, empty = true;
	struct jsonslice_member m = jsonslice_members(object);
	while (jsonslice_next(&m)) {
		empty = false;
		if (!jsonslice_equals(m.name, name, strlen(name)))
			continue;
		named = true;
		if (jsonslice_kind(m.value) != JSONSLICE_STRING ||
		    !jsonslice_equals(m.value, owner, strlen(owner)))
			return OWN_FOREIGN;
	}
	if (named || !whole)
		return OWN_AS_IS;
	own_document_fill(c, object, empty, owner, out);
	return OWN_FILLED;
}
