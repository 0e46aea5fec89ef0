/* The keywords about what is within objects and arrays. A member or an element
 * is declared like a field, to a bounded depth (common/schema/nested.h).
 */
#include "common/schema/declare_priv.h"
#include "common/schema/nested.h"

#include <string.h>

enum { MEMBER_NAME_MAX = 64 };

/* A place in the declaration; a long one is cut off. */
struct nested_pointer {
	char text[512];
};

static struct nested_pointer nested_pointer_of(
    const char *pointer, const char *name)
{
	struct nested_pointer p;
	struct buf b = {0};
	buf_printf(&b, "%s/%s", pointer, name);
	size_t len = b.len < sizeof p.text ? b.len : sizeof p.text - 1;
	memcpy(p.text, b.data, len);
	p.text[len] = '\0';
	buf_free(&b);
	return p;
}

/* Room for n fields; NULL: refused. */
static struct field *nested_room(
    struct declaration *d, const char *pointer, size_t n)
{
	if (n > DECLARE_NESTED - d->nnested) {
		declare_refuse(d, pointer,
		    "more than %d members and elements in one declaration",
		    DECLARE_NESTED);
		return NULL;
	}
	d->nnested += n;
	return d->nested + d->nnested - n;
}

static bool nested_depth(
    struct declaration *d, const char *pointer, size_t depth)
{
	return depth < NESTED_DEPTH ||
	       declare_refuse(d, pointer, "more than %d levels", NESTED_DEPTH);
}

static bool nested_declare(struct declaration *d, struct field *f,
    const char *pointer, size_t depth, struct jsonslice v)
{
	return declare_keywords(d, f, pointer, depth + 1, v) &&
	       declare_bounds(d, pointer, f);
}

/* Names that need no escapes, wherever they are written. */
static bool nested_name(
    struct declaration *d, const char *pointer, const char *name)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_-";
	size_t len = strlen(name);
	return (len > 0 && len <= MEMBER_NAME_MAX &&
		   strspn(name, allowed) == len) ||
	       declare_refuse(d, pointer,
		   "the name of a member has letters, digits, _ and -, at most "
		   "%d characters",
		   MEMBER_NAME_MAX);
}

static bool nested_member_declare(struct declaration *d, struct field *f,
    const char *pointer, size_t depth, struct jsonslice_member m)
{
	f->name = declare_string(d, m.name);
	if (!nested_name(d, pointer, f->name))
		return false;
	struct nested_pointer at = nested_pointer_of(pointer, f->name);
	return nested_declare(d, f, at.text, depth, m.value);
}

bool declare_properties(struct declaration *d, struct field *f,
    const char *pointer, size_t depth, struct jsonslice v)
{
	size_t n = 0;
	if (jsonslice_kind(v) != JSONSLICE_OBJECT)
		return declare_refuse(d, pointer, "must be an object");
	struct jsonslice_member m = jsonslice_members(v);
	while (jsonslice_next(&m))
		n++;
	if (n == 0 || n > NESTED_MEMBERS)
		return declare_refuse(
		    d, pointer, "must have 1 to %d members", NESTED_MEMBERS);
	if (!nested_depth(d, pointer, depth))
		return false;
	f->members = nested_room(d, pointer, n);
	if (f->members == NULL)
		return false;
	m = jsonslice_members(v);
	while (jsonslice_next(&m)) {
		struct field *member = &f->members[f->nmembers++];
		if (!nested_member_declare(d, member, pointer, depth, m))
			return false;
	}
	return true;
}

bool declare_members_required(struct declaration *d, struct field *f,
    const char *pointer, struct jsonslice v)
{
	if (jsonslice_kind(v) != JSONSLICE_ARRAY)
		return declare_refuse(d, pointer, "must be an array");
	struct jsonslice_element e = jsonslice_elements(v);
	while (jsonslice_each(&e)) {
		size_t i = f->nmembers;
		if (jsonslice_kind(e.value) == JSONSLICE_STRING)
			i = nested_member(f, e.value);
		if (i == f->nmembers)
			return declare_refuse(d, pointer,
			    "%.*s is not in properties",
			    e.value.len > 60 ? 60 : (int)e.value.len,
			    e.value.s);
		if (f->members[i].required)
			return declare_refuse(
			    d, pointer, "%s appears twice", f->members[i].name);
		f->members[i].required = true;
	}
	return true;
}

bool declare_are_json(struct jsonslice items)
{
	if (jsonslice_kind(items) != JSONSLICE_OBJECT)
		return false;
	struct jsonslice_member m = jsonslice_members(items);
	while (jsonslice_next(&m)) {
		if (jsonslice_equals(m.name, "type", 4))
			return jsonslice_kind(m.value) == JSONSLICE_STRING &&
			       (jsonslice_equals(m.value, "object", 6) ||
				   jsonslice_equals(m.value, "array", 5));
	}
	return false;
}

bool declare_items(struct declaration *d, struct field *f, const char *pointer,
    size_t depth, struct jsonslice v)
{
	if (!nested_depth(d, pointer, depth))
		return false;
	f->elements = nested_room(d, pointer, 1);
	if (f->elements == NULL)
		return false;
	f->elements->name = "";
	return nested_declare(d, f->elements, pointer, depth, v);
}
