#include "common/log/renamed.h"

#include <string.h>

const struct field *renamed_field(
    const struct collection *c, const char *name, size_t len)
{
	for (size_t i = 0; c->renames && i < c->nfields; i++) {
		const char *was = c->fields[i].was;
		if (was && strlen(was) == len && memcmp(was, name, len) == 0)
			return &c->fields[i];
	}
	return NULL;
}

/* The index of the field that had the name of the member, or nfields. */
static size_t renamed_from(const struct collection *c, struct jsonslice name)
{
	size_t i = 0;
	while (i < c->nfields &&
	       !(c->fields[i].was && jsonslice_equals(name, c->fields[i].was,
					 strlen(c->fields[i].was))))
		i++;
	return i;
}

/* Bits, by index: the fields of which the object has the former name. */
static uint64_t renamed_in(const struct collection *c, struct jsonslice object)
{
	uint64_t out = 0;
	struct jsonslice_member m = jsonslice_members(object);
	while (jsonslice_next(&m)) {
		size_t i = renamed_from(c, m.name);
		if (i < c->nfields)
			out |= UINT64_C(1) << i;
	}
	return out;
}

static void renamed_member(
    struct buf *out, const char *name, const struct jsonslice_member *m)
{
	buf_str(out, out->data[out->len - 1] == '{' ? "" : ",");
	if (name)
		buf_printf(out, "\"%s\"", name);
	else
		buf_add(out, m->name.s, m->name.len);
	buf_char(out, ':');
	buf_add(out, m->value.s, m->value.len);
}

bool renamed_object(
    struct buf *out, const struct collection *c, struct jsonslice object)
{
	uint64_t fields = c->renames ? renamed_in(c, object) : 0;
	if (fields == 0)
		return false;
	struct jsonslice_member m = jsonslice_members(object);
	buf_char(out, '{');
	while (jsonslice_next(&m)) {
		size_t to = renamed_from(c, m.name);
		size_t is = collection_field(c, m.name);
		if (to < c->nfields)
			renamed_member(out, c->fields[to].name, &m);
		else if (is == c->nfields || !(fields >> is & 1))
			renamed_member(out, NULL, &m);
	}
	buf_char(out, '}');
	return true;
}

bool renamed_document(
    struct buf *out, const struct collection *c, const char *doc, size_t len)
{
	struct jsonslice object;
	return c->renames && jsonslice_scan(doc, len, &object) &&
	       jsonslice_kind(object) == JSONSLICE_OBJECT &&
	       renamed_object(out, c, object);
}
