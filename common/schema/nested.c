/* A merge patch goes into objects, but replaces arrays. So what is within an
 * array is whole, also in a patch. */
#include "common/schema/nested.h"

#include "common/json/jsonpointer.h"

#include <stdint.h>
#include <string.h>

struct nested_walk {
	nested_found found;
	void *arg;
	struct buf place; /* of the value that is looked at */
	bool good, enough;
};

static void nested_value(struct nested_walk *w, const struct field *f,
    struct jsonslice v, bool patch);

bool nested_has(const struct field *f)
{
	return f->nmembers > 0 || f->closed || f->elements || f->has_max_items;
}

/* --- places and faults --------------------------------------------------- */

static void nested_leave(struct nested_walk *w, size_t len)
{
	w->place.len = len;
	w->place.data[len] = '\0';
}

static void nested_fault(struct nested_walk *w, const char *why)
{
	w->good = false;
	w->enough = w->enough || !w->found(w->arg, w->place.data, why);
}

static void nested_fault_of(
    struct nested_walk *w, const struct field *member, const char *why)
{
	size_t before = w->place.len;
	jsonpointer_add(&w->place, member->name, strlen(member->name));
	nested_fault(w, why);
	nested_leave(w, before);
}

/* --- objects ------------------------------------------------------------- */

size_t nested_member(const struct field *f, struct jsonslice name)
{
	size_t i = 0;
	while (i < f->nmembers && !jsonslice_equals(name, f->members[i].name,
				      strlen(f->members[i].name)))
		i++;
	return i;
}

static void nested_member_check(struct nested_walk *w, const struct field *f,
    struct jsonslice_member m, size_t i, bool patch)
{
	size_t before = w->place.len;
	struct buf name = {0};
	if (i == f->nmembers && !f->closed)
		return;
	jsonslice_text(&name, m.name);
	jsonpointer_add(&w->place, name.data, name.len);
	buf_free(&name);
	if (i == f->nmembers)
		nested_fault(w, "is not a member that the object may have");
	else if (patch && jsonslice_kind(m.value) == JSONSLICE_NULL &&
		 f->members[i].required)
		nested_fault(w, "is required, so it cannot be removed");
	else if (!patch || jsonslice_kind(m.value) != JSONSLICE_NULL)
		nested_value(w, &f->members[i], m.value, patch);
	nested_leave(w, before);
}

static void nested_object(struct nested_walk *w, const struct field *f,
    struct jsonslice v, bool patch)
{
	struct jsonslice_member m = jsonslice_members(v);
	uint64_t seen = 0;
	while (!w->enough && jsonslice_next(&m)) {
		size_t i = nested_member(f, m.name);
		if (i < f->nmembers)
			seen |= UINT64_C(1) << i;
		nested_member_check(w, f, m, i, patch);
	}
	for (size_t i = 0; !patch && !w->enough && i < f->nmembers; i++) {
		if (f->members[i].required && !(seen >> i & 1))
			nested_fault_of(w, &f->members[i], "is required");
	}
}

/* --- arrays -------------------------------------------------------------- */

static void nested_array(
    struct nested_walk *w, const struct field *f, struct jsonslice v)
{
	struct jsonslice_element e = jsonslice_elements(v);
	size_t before = w->place.len, n = 0;
	for (; !w->enough && jsonslice_each(&e); n++) {
		if (f->elements == NULL)
			continue;
		buf_printf(&w->place, "/%zu", n);
		nested_value(w, f->elements, e.value, false);
		nested_leave(w, before);
	}
	if (!w->enough && f->has_max_items && n > f->max_items) {
		struct buf why = {0};
		buf_printf(
		    &why, "has %zu elements; at most %zu", n, f->max_items);
		nested_fault(w, why.data);
		buf_free(&why);
	}
}

/* --- values -------------------------------------------------------------- */

static void nested_within(struct nested_walk *w, const struct field *f,
    struct jsonslice v, bool patch)
{
	if (jsonslice_kind(v) == JSONSLICE_OBJECT && f->type == FIELD_OBJECT)
		nested_object(w, f, v, patch);
	else if (jsonslice_kind(v) == JSONSLICE_ARRAY && f->type == FIELD_ARRAY)
		nested_array(w, f, v);
}

static void nested_value(struct nested_walk *w, const struct field *f,
    struct jsonslice v, bool patch)
{
	unsigned faults = field_faults(f, v);
	if (faults == 0)
		nested_within(w, f, v, patch);
	for (; faults && !w->enough; faults &= faults - 1) {
		struct buf why = {0};
		field_explain(&why, f, v, (enum field_fault)(faults & -faults));
		nested_fault(w, why.data);
		buf_free(&why);
	}
}

bool nested_check(const struct field *f, struct jsonslice v, bool patch,
    nested_found found, void *arg)
{
	struct nested_walk w = {.found = found, .arg = arg, .good = true};
	if (!nested_has(f))
		return true;
	jsonpointer_add(&w.place, f->name, strlen(f->name));
	nested_within(&w, f, v, patch);
	buf_free(&w.place);
	return w.good;
}
