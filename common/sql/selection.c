#include "common/sql/selection.h"

#include <string.h>

/* A key with parts is no member: they are. */
static size_t selection_first(const struct collection *c)
{
	return c->nparts ? 1 : 0;
}

static size_t selection_columns(const struct collection *c)
{
	return 1 + c->nfields + (c->table.times ? 2 : 0);
}

const char *selection_name(const struct collection *c, size_t column)
{
	if (column == 0)
		return c->key_name;
	if (column <= c->nfields)
		return c->fields[column - 1].name;
	return column == c->nfields + 1 ? "created_at" : "updated_at";
}

static bool selection_add(struct selection *s, const struct collection *c,
    const char *name, size_t len)
{
	for (size_t i = selection_first(c); i < selection_columns(c); i++) {
		const char *known = selection_name(c, i);
		if (strlen(known) != len || memcmp(known, name, len) != 0)
			continue;
		s->narrow = true;
		if (!(s->bits[i / 64] >> i % 64 & 1))
			s->places[s->n++] = (uint8_t)i;
		s->bits[i / 64] |= UINT64_C(1) << i % 64;
		return true;
	}
	return false;
}

const char *selection_take(struct selection *s, const struct collection *c,
    const char *text, size_t len)
{
	const char *end = text + len;
	*s = (struct selection){0};
	if (len == 1 && *text == '*')
		return NULL;
	for (;;) {
		const char *comma = memchr(text, ',', (size_t)(end - text));
		const char *stop = comma ? comma : end;
		if (!selection_add(s, c, text, (size_t)(stop - text)))
			return "must be names of the document's members, "
			       "separated by commas";
		if (comma == NULL)
			return NULL;
		text = comma + 1;
	}
}

bool selection_has(const struct selection *s, size_t column)
{
	return !s->narrow || (s->bits[column / 64] >> column % 64 & 1);
}

size_t selection_count(const struct selection *s, const struct collection *c)
{
	return s->narrow ? s->n : selection_columns(c) - selection_first(c);
}

size_t selection_at(
    const struct selection *s, const struct collection *c, size_t i)
{
	return s->narrow ? s->places[i] : i + selection_first(c);
}

void selection_text(struct buf *out, const struct selection *s,
    const struct collection *c, bool as_given)
{
	size_t n = 0, all = as_given ? s->n : selection_columns(c);
	for (size_t i = 0; s->narrow && i < all; i++) {
		size_t at = as_given ? s->places[i] : i;
		if (selection_has(s, at))
			buf_printf(
			    out, "%s%s", n++ ? "," : "", selection_name(c, at));
	}
}

/* A member that the declaration no longer has is not selected. */
static bool selection_wants(const struct selection *s,
    const struct collection *c, struct jsonslice name)
{
	for (size_t i = 0; i < selection_columns(c); i++) {
		const char *known = selection_name(c, i);
		if (jsonslice_equals(name, known, strlen(known)))
			return selection_has(s, i);
	}
	return false;
}

bool selection_cut(struct buf *out, const struct selection *s,
    const struct collection *c, const char *doc, size_t len)
{
	struct jsonslice all;
	if (!jsonslice_scan(doc, len, &all) ||
	    jsonslice_kind(all) != JSONSLICE_OBJECT)
		return false;
	struct jsonslice_member m = jsonslice_members(all);
	size_t n = 0;
	buf_char(out, '{');
	while (jsonslice_next(&m)) {
		if (!selection_wants(s, c, m.name))
			continue;
		if (n++)
			buf_char(out, ',');
		buf_add(out, m.name.s, m.name.len);
		buf_char(out, ':');
		buf_add(out, m.value.s, m.value.len);
	}
	buf_char(out, '}');
	return true;
}
