#include "api/operation/one_operation.h"

#include "api/core/key_check.h"
#include "api/http/precondition.h"

#include <stdio.h>
#include <string.h>

enum member {
	OP,
	COLLECTION,
	KEY,
	DOCUMENT,
	IF_MATCH,
	IF_NONE_MATCH,
	IDEMPOTENCY_KEY,
	MEMBERS
};

static const char *const member_names[] = {"op", "collection", "key",
    "document", "if_match", "if_none_match", "idempotency_key"};

static const struct {
	const char *name;
	enum record_op op;
} ops[] = {
    {"create", RECORD_PUT},
    {"put", RECORD_PUT},
    {"patch", RECORD_PATCH},
    {"increment", RECORD_INCREMENT},
    {"delete", RECORD_DELETE},
};
enum { OPS = sizeof ops / sizeof *ops };

/* An operation while it is read. */
struct reading {
	struct one_operation *o;
	const struct collection *of; /* of a line; NULL: of a batch */
	struct jsonslice m[MEMBERS];
	struct violations *faults;
};

/* --- members ------------------------------------------------------------- */

static void one_operation_fault(
    struct reading *r, const char *pointer, const char *why)
{
	violations_add_at(r->faults, pointer, why);
	r->o->good = false;
}

/* The collection of a line is in the path; a batch has one key. */
static bool one_operation_takes(const struct reading *r, enum member m)
{
	return m != (r->of ? COLLECTION : IDEMPOTENCY_KEY);
}

static bool one_operation_members(struct reading *r, struct jsonslice v)
{
	if (jsonslice_kind(v) != JSONSLICE_OBJECT) {
		one_operation_fault(r, "", "must be an object");
		return false;
	}
	struct jsonslice_member m = jsonslice_members(v);
	while (jsonslice_next(&m)) {
		int k = 0;
		while (k < MEMBERS && !jsonslice_equals(m.name, member_names[k],
					  strlen(member_names[k])))
			k++;
		if (k < MEMBERS && one_operation_takes(r, (enum member)k))
			r->m[k] = m.value;
		else
			one_operation_fault(r, "",
			    r->of ? "has an unknown member; allowed: op, key, "
				    "document, if_match, if_none_match, "
				    "idempotency_key"
				  : "has an unknown member; allowed: op, "
				    "collection, key, document, if_match, "
				    "if_none_match");
	}
	return true;
}

/* Appends the characters of a member that must be a string. */
static bool one_operation_text(
    struct reading *r, enum member which, struct buf *out)
{
	char pointer[20];
	struct jsonslice v = r->m[which];
	snprintf(pointer, sizeof pointer, "/%s", member_names[which]);
	if (v.s && jsonslice_kind(v) == JSONSLICE_STRING) {
		jsonslice_text(out, v);
		return true;
	}
	one_operation_fault(
	    r, pointer, v.s ? "must be a string" : "is required");
	return false;
}

static void one_operation_op(struct reading *r)
{
	struct buf text = {0};
	size_t k = 0;
	if (one_operation_text(r, OP, &text)) {
		while (k < OPS &&
		       (text.len != strlen(ops[k].name) ||
			   memcmp(text.data, ops[k].name, text.len) != 0))
			k++;
		if (k < OPS)
			r->o->op = ops[k].op;
		else
			one_operation_fault(r, "/op",
			    "must be create, put, patch, increment or delete");
		r->o->creates = k == 0;
	}
	buf_free(&text);
}

static void one_operation_collection(struct reading *r)
{
	struct one_operation *o = r->o;
	struct buf name = {0};
	o->collection = r->of;
	if (r->of == NULL && one_operation_text(r, COLLECTION, &name)) {
		o->collection =
		    name.len ? collection_find(name.data, name.len) : NULL;
		if (o->collection == NULL)
			one_operation_fault(
			    r, "/collection", "there is none of it");
		else if (!o->collection->group)
			one_operation_fault(r, "/collection",
			    "it has no groups: its declaration does not say "
			    "\"group\": true");
	}
	buf_free(&name);
}

/* An integer may be a number, too. */
static bool one_operation_key_text(struct reading *r, struct buf *out)
{
	struct jsonslice v = r->m[KEY];
	bool number = v.s && r->of && r->of->key == KEY_INTEGER &&
		      jsonslice_kind(v) == JSONSLICE_NUMBER;
	if (!number)
		return one_operation_text(r, KEY, out);
	buf_add(out, v.s, v.len);
	return true;
}

/* Its collection is known. */
static void one_operation_key(struct reading *r)
{
	struct one_operation *o = r->o;
	struct violations v = {0};
	struct buf key = {0};
	bool left_out = r->of && o->creates && r->m[KEY].s == NULL;
	bool is = left_out || one_operation_key_text(r, &key);
	if (!is || o->collection == NULL || !(r->of || o->collection->group)) {
		buf_free(&key);
		return;
	}
	if (!left_out &&
	    !key_check(o->collection, key.data ? key.data : "", key.len, &v)) {
		one_operation_fault(r, "/key", v.items[0].detail);
	} else {
		buf_printf(&o->id, "%s/", o->collection->name);
		o->prefix = o->id.len;
		buf_add(&o->id, key.data, key.len);
	}
	violations_free(&v);
	buf_free(&key);
}

static void one_operation_document(struct reading *r)
{
	struct one_operation *o = r->o;
	if (o->op == RECORD_DELETE && r->m[DOCUMENT].s)
		one_operation_fault(r, "/document", "a delete has none");
	else if (o->op != RECORD_DELETE && r->m[DOCUMENT].s == NULL)
		one_operation_fault(r, "/document", "is required");
	else
		o->document = r->m[DOCUMENT];
}

static void one_operation_condition(struct reading *r)
{
	struct one_operation *o = r->o;
	struct buf match = {0}, none = {0};
	bool has = r->m[IF_MATCH].s != NULL;
	bool has_none = r->m[IF_NONE_MATCH].s != NULL;
	enum precondition_kind kind = PRECONDITION_BAD;
	if ((!has || one_operation_text(r, IF_MATCH, &match)) &&
	    (!has_none || one_operation_text(r, IF_NONE_MATCH, &none)))
		kind = precondition_parse(has ? match.data : NULL,
		    has_none ? none.data : NULL, &o->versions);
	o->condition = o->creates		     ? RECORD_CREATE
		       : kind == PRECONDITION_MATCH  ? RECORD_IF_MATCH
		       : kind == PRECONDITION_ABSENT ? RECORD_IF_ABSENT
						     : RECORD_ALWAYS;
	if (o->good && kind == PRECONDITION_BAD)
		one_operation_fault(r, has ? "/if_match" : "/if_none_match",
		    "if_match has entity tags or *, as the header If-Match; "
		    "if_none_match is *; an operation has one of them");
	else if (o->creates && kind == PRECONDITION_MATCH)
		one_operation_fault(r, "/if_match",
		    "a create makes a row, so there is none to match");
	buf_free(&match);
	buf_free(&none);
}

/* As the header, without its quotes. */
static void one_operation_idempotency(struct reading *r)
{
	struct buf *key = &r->o->idempotency_key;
	if (r->m[IDEMPOTENCY_KEY].s == NULL ||
	    !one_operation_text(r, IDEMPOTENCY_KEY, key))
		return;
	bool good = key->len > 0 && key->len <= COLLECTION_KEY_MAX;
	for (size_t i = 0; i < key->len; i++)
		good = good && key->data[i] > 0x20 && key->data[i] < 0x7f;
	if (!good)
		one_operation_fault(r, "/idempotency_key",
		    "must have 1 to 255 visible ASCII characters");
}

void one_operation_read(struct one_operation *o, const struct collection *of,
    struct jsonslice value, struct violations *faults)
{
	struct reading r = {.o = o, .of = of, .faults = faults};
	*o = (struct one_operation){.op = RECORD_PUT, .good = true};
	if (!one_operation_members(&r, value))
		return;
	one_operation_op(&r);
	one_operation_collection(&r);
	one_operation_key(&r);
	one_operation_document(&r);
	one_operation_condition(&r);
	one_operation_idempotency(&r);
}

/* --- the document -------------------------------------------------------- */

size_t one_operation_key_len(const struct one_operation *o)
{
	return o->id.len - o->prefix;
}

static enum validate_as as_of(const struct one_operation *o)
{
	if (o->op == RECORD_INCREMENT)
		return VALIDATE_INCREMENT;
	return o->op == RECORD_PATCH ? VALIDATE_PATCH : VALIDATE_WHOLE;
}

static void take_valid(struct one_operation *o, struct validation *v)
{
	if (one_operation_key_len(o) == 0)
		buf_add(&o->id, v->key.data, v->key.len);
	if (v->filled.len == 0)
		return;
	buf_free(&o->filled);
	o->filled = v->filled;
	v->filled = (struct buf){0};
	o->document = (struct jsonslice){o->filled.data, o->filled.len};
}

enum validity one_operation_validate(struct one_operation *o, const char *place,
    size_t most, struct violations *faults, char why[160])
{
	size_t len = one_operation_key_len(o);
	struct validation v;
	if (o->op == RECORD_DELETE)
		return VALID;
	validate_value(o->collection, as_of(o),
	    len ? o->id.data + o->prefix : NULL, len, o->document, &v);
	validate_size(o->collection, as_of(o), len, o->document.s,
	    o->document.len, most, &v);
	enum validity validity = v.validity;
	if (validity == TOO_LARGE)
		snprintf(why, 160, "%.159s", v.message);
	for (size_t k = 0; validity == INVALID && k < v.violations.n; k++) {
		struct buf at = {0};
		buf_printf(&at, "%s%s", place, v.violations.items[k].pointer);
		violations_add_at(
		    faults, at.data, v.violations.items[k].detail);
		buf_free(&at);
	}
	if (validity == VALID)
		take_valid(o, &v);
	validation_free(&v);
	return validity;
}

struct record_write one_operation_record(const struct one_operation *o)
{
	return (struct record_write){
	    .op = o->op,
	    .id = o->id.data,
	    .id_len = o->id.len,
	    .body = o->document.s,
	    .body_len = o->document.len,
	    .condition = o->condition,
	    .versions = o->versions.data ? o->versions.data : "",
	    .versions_len = o->versions.len,
	    .shape = o->collection->shape,
	    .owner_field = o->owner_field,
	    .owner = o->owner,
	};
}

void one_operation_free(struct one_operation *o)
{
	buf_free(&o->id);
	buf_free(&o->versions);
	buf_free(&o->filled);
	buf_free(&o->idempotency_key);
	*o = (struct one_operation){0};
}
