#include "api/batch/batch_body.h"

#include "api/core/key_check.h"
#include "api/http/precondition.h"
#include "common/base/mem.h"
#include "common/json/jsondup.h"
#include "common/log/keyspace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum member { OP, COLLECTION, KEY, DOCUMENT, IF_MATCH, IF_NONE_MATCH, MEMBERS };

static const char *const member_names[] = {
    "op", "collection", "key", "document", "if_match", "if_none_match"};

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

/* --- faults -------------------------------------------------------------- */

static void batch_body_fault(
    struct batch_body *b, size_t i, const char *pointer, const char *why)
{
	b->result.validity = INVALID;
	violations_add_in(&b->result.violations, i, pointer, why);
	if (i < b->n)
		b->all[i].good = false;
}

/* Takes the violations of a part of an operation; `pointer` is in front of
 * theirs. */
static void batch_body_faults(struct batch_body *b, size_t i,
    const char *pointer, const struct violations *v)
{
	for (size_t k = 0; k < v->n; k++) {
		struct buf at = {0};
		buf_printf(&at, "%s%s", pointer, v->items[k].pointer);
		batch_body_fault(b, i, at.data, v->items[k].detail);
		buf_free(&at);
	}
}

/* --- one operation ------------------------------------------------------- */

static bool batch_body_members(struct batch_body *b, size_t i,
    struct jsonslice v, struct jsonslice out[MEMBERS])
{
	if (jsonslice_kind(v) != JSONSLICE_OBJECT) {
		batch_body_fault(b, i, "", "must be an object");
		return false;
	}
	struct jsonslice_member m = jsonslice_members(v);
	while (jsonslice_next(&m)) {
		size_t k = 0;
		while (k < MEMBERS && !jsonslice_equals(m.name, member_names[k],
					  strlen(member_names[k])))
			k++;
		if (k < MEMBERS)
			out[k] = m.value;
		else
			batch_body_fault(b, i, "",
			    "has an unknown member; allowed: op, collection, "
			    "key, document, if_match, if_none_match");
	}
	return true;
}

/* Appends the characters of a member that must be a string. */
static bool batch_body_text(struct batch_body *b, size_t i,
    const struct jsonslice m[MEMBERS], enum member which, struct buf *out)
{
	char pointer[20];
	struct jsonslice v = m[which];
	snprintf(pointer, sizeof pointer, "/%s", member_names[which]);
	if (v.s && jsonslice_kind(v) == JSONSLICE_STRING) {
		jsonslice_text(out, v);
		return true;
	}
	batch_body_fault(
	    b, i, pointer, v.s ? "must be a string" : "is required");
	return false;
}

static void batch_body_op(
    struct batch_body *b, size_t i, const struct jsonslice m[MEMBERS])
{
	struct batch_operation *o = &b->all[i];
	struct buf text = {0};
	size_t k = 0;
	if (batch_body_text(b, i, m, OP, &text)) {
		while (k < OPS && (text.len != strlen(ops[k].name) ||
				      strcmp(text.data, ops[k].name) != 0))
			k++;
		if (k < OPS)
			o->op = ops[k].op;
		else
			batch_body_fault(b, i, "/op",
			    "must be create, put, patch, increment or delete");
		o->creates = k == 0;
	}
	buf_free(&text);
}

static void batch_body_collection(
    struct batch_body *b, size_t i, const struct jsonslice m[MEMBERS])
{
	struct batch_operation *o = &b->all[i];
	struct buf name = {0};
	if (!batch_body_text(b, i, m, COLLECTION, &name)) {
		buf_free(&name);
		return;
	}
	o->collection = name.len ? collection_find(name.data, name.len) : NULL;
	if (o->collection == NULL)
		batch_body_fault(b, i, "/collection", "there is none of it");
	else if (!o->collection->group)
		batch_body_fault(b, i, "/collection",
		    "it has no groups: its declaration does not say "
		    "\"group\": true");
	buf_free(&name);
}

/* Its collection is known, and has groups. */
static void batch_body_key(
    struct batch_body *b, size_t i, const struct jsonslice m[MEMBERS])
{
	struct batch_operation *o = &b->all[i];
	struct violations v = {0};
	struct buf key = {0};
	bool is = batch_body_text(b, i, m, KEY, &key);
	if (is && o->collection && o->collection->group) {
		if (!key_check(
			o->collection, key.data ? key.data : "", key.len, &v)) {
			batch_body_fault(b, i, "/key", v.items[0].detail);
		} else {
			buf_printf(&o->id, "%s/", o->collection->name);
			o->prefix = o->id.len;
			buf_add(&o->id, key.data, key.len);
		}
	}
	violations_free(&v);
	buf_free(&key);
}

static void batch_body_document(
    struct batch_body *b, size_t i, const struct jsonslice m[MEMBERS])
{
	struct batch_operation *o = &b->all[i];
	if (o->op == RECORD_DELETE && m[DOCUMENT].s)
		batch_body_fault(b, i, "/document", "a delete has none");
	else if (o->op != RECORD_DELETE && m[DOCUMENT].s == NULL)
		batch_body_fault(b, i, "/document", "is required");
	else
		o->document = m[DOCUMENT];
}

static void batch_body_condition(
    struct batch_body *b, size_t i, const struct jsonslice m[MEMBERS])
{
	struct batch_operation *o = &b->all[i];
	struct buf match = {0}, none = {0};
	bool has = m[IF_MATCH].s != NULL, has_none = m[IF_NONE_MATCH].s != NULL;
	enum precondition_kind kind = PRECONDITION_BAD;
	if ((!has || batch_body_text(b, i, m, IF_MATCH, &match)) &&
	    (!has_none || batch_body_text(b, i, m, IF_NONE_MATCH, &none)))
		kind = precondition_parse(has ? match.data : NULL,
		    has_none ? none.data : NULL, &o->versions);
	o->condition = o->creates		     ? RECORD_CREATE
		       : kind == PRECONDITION_MATCH  ? RECORD_IF_MATCH
		       : kind == PRECONDITION_ABSENT ? RECORD_IF_ABSENT
						     : RECORD_ALWAYS;
	if (o->good && kind == PRECONDITION_BAD)
		batch_body_fault(b, i, has ? "/if_match" : "/if_none_match",
		    "if_match has entity tags or *, as the header If-Match; "
		    "if_none_match is *; an operation has one of them");
	else if (o->creates && kind == PRECONDITION_MATCH)
		batch_body_fault(b, i, "/if_match",
		    "a create makes a row, so there is none to match");
	buf_free(&match);
	buf_free(&none);
}

static void batch_body_operation(struct batch_body *b, struct jsonslice v)
{
	struct jsonslice m[MEMBERS] = {{0}};
	size_t i = b->n++;
	b->all[i] = (struct batch_operation){.op = RECORD_PUT, .good = true};
	if (!batch_body_members(b, i, v, m))
		return;
	batch_body_op(b, i, m);
	batch_body_collection(b, i, m);
	batch_body_key(b, i, m);
	batch_body_document(b, i, m);
	batch_body_condition(b, i, m);
}

/* --- all of them --------------------------------------------------------- */

static bool batch_body_same(
    const struct batch_operation *a, const struct batch_operation *b)
{
	return a->id.len > 0 && a->id.len == b->id.len &&
	       memcmp(a->id.data, b->id.data, a->id.len) == 0;
}

static void batch_body_twice(struct batch_body *b, size_t i)
{
	char why[100];
	for (size_t k = 0; k < i; k++) {
		if (!batch_body_same(&b->all[i], &b->all[k]))
			continue;
		snprintf(why, sizeof why,
		    "operation %zu has the same key; a batch changes a "
		    "document once",
		    k);
		batch_body_fault(b, i, "/key", why);
		return;
	}
}

/* The group of the batch is that of the first key that has one. */
static void batch_body_group(struct batch_body *b, size_t i, size_t *first)
{
	const struct buf *id = &b->all[i].id;
	struct key_group g;
	if (id->len == 0 || !keyspace_group(id->data, id->len, &g))
		return;
	if (*first == SIZE_MAX) {
		*first = i;
		buf_add(&b->group, g.s, g.len);
		return;
	}
	if (g.len == b->group.len && memcmp(g.s, b->group.data, g.len) == 0)
		return;
	struct buf why = {0};
	buf_str(&why, "its group is ");
	buf_json(&why, g.s, g.len);
	buf_printf(&why, ", but that of operation %zu is ", *first);
	buf_json(&why, b->group.data, b->group.len);
	batch_body_fault(b, i, "/key", why.data);
	buf_free(&why);
}

static void batch_body_not_json(
    struct batch_body *b, size_t at, const char *what)
{
	b->result.validity = NOT_JSON;
	b->result.offset = at;
	snprintf(b->result.message, sizeof b->result.message, "%s", what);
}

static void batch_body_whole(struct batch_body *b, const char *why)
{
	b->result.validity = INVALID;
	violations_add(&b->result.violations, NULL, "%s", why);
}

static void batch_body_array(struct batch_body *b, struct jsonslice array)
{
	size_t first = SIZE_MAX;
	struct jsonslice_element e = jsonslice_elements(array);
	while (jsonslice_each(&e)) {
		if (b->n == OPERATIONS_MOST) {
			batch_body_whole(b, "has more than 100 operations");
			return;
		}
		batch_body_operation(b, e.value);
	}
	if (b->n == 0)
		batch_body_whole(b, "must have at least one operation");
	for (size_t i = 0; i < b->n; i++) {
		batch_body_twice(b, i);
		batch_body_group(b, i, &first);
	}
}

void batch_body_read(struct batch_body *b, const char *text, size_t len)
{
	struct jsonslice root;
	struct jsonslice_fault fault;
	*b = (struct batch_body){.result.validity = VALID};
	if (!jsonslice_parse(text, len, &root, &fault)) {
		batch_body_not_json(b, fault.at, fault.what);
		return;
	}
	struct jsonslice twice = jsondup_find(root);
	if (twice.s) {
		batch_body_not_json(b, (size_t)(twice.s - text),
		    "a duplicate member of its object");
		return;
	}
	if (jsonslice_kind(root) != JSONSLICE_ARRAY) {
		batch_body_whole(b, "must be an array of operations");
		return;
	}
	b->all = mem_zalloc(OPERATIONS_MOST * sizeof *b->all);
	batch_body_array(b, root);
}

static enum validate_as as_of(const struct batch_operation *o)
{
	if (o->op == RECORD_INCREMENT)
		return VALIDATE_INCREMENT;
	return o->op == RECORD_PATCH ? VALIDATE_PATCH : VALIDATE_WHOLE;
}

static void validate_one(struct batch_body *b, size_t i, size_t most)
{
	struct batch_operation *o = &b->all[i];
	size_t key_len = o->id.len - o->prefix;
	struct validation v;
	validate_value(o->collection, as_of(o), o->id.data + o->prefix, key_len,
	    o->document, &v);
	validate_size(o->collection, as_of(o), key_len, o->document.s,
	    o->document.len, most, &v);
	if (v.validity == TOO_LARGE && b->result.validity == VALID) {
		b->result.validity = TOO_LARGE;
		snprintf(b->result.message, sizeof b->result.message,
		    "operation %zu: %.120s", i, v.message);
	}
	if (v.validity == INVALID)
		batch_body_faults(b, i, "/document", &v.violations);
	if (v.validity == VALID && v.filled.len) {
		buf_free(&o->filled);
		o->filled = v.filled;
		v.filled = (struct buf){0};
		o->document = (struct jsonslice){o->filled.data, o->filled.len};
	}
	validation_free(&v);
}

void batch_body_validate(struct batch_body *b, size_t most)
{
	for (size_t i = 0; i < b->n; i++) {
		const struct batch_operation *o = &b->all[i];
		if (o->good && o->id.len && o->op != RECORD_DELETE)
			validate_one(b, i, most);
	}
}

void batch_body_write(const struct batch_body *b, struct buf *out)
{
	for (size_t i = 0; i < b->n; i++) {
		const struct batch_operation *o = &b->all[i];
		const struct record_write w = {
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
		operations_add(out, &w);
	}
	operations_end(out);
}

void batch_body_free(struct batch_body *b)
{
	for (size_t i = 0; i < b->n; i++) {
		buf_free(&b->all[i].id);
		buf_free(&b->all[i].versions);
		buf_free(&b->all[i].filled);
	}
	free(b->all);
	buf_free(&b->group);
	validation_free(&b->result);
	*b = (struct batch_body){0};
}
