#include "api/batch/batch_body.h"

#include "common/base/mem.h"
#include "common/json/jsondup.h"
#include "common/log/keyspace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- faults -------------------------------------------------------------- */

static void batch_body_fault(
    struct batch_body *b, size_t i, const char *pointer, const char *why)
{
	b->result.validity = INVALID;
	violations_add_in(&b->result.violations, i, pointer, why);
	if (i < b->n)
		b->all[i].good = false;
}

/* Takes what is wrong with an operation. */
static void batch_body_faults(
    struct batch_body *b, size_t i, const struct violations *v)
{
	for (size_t k = 0; k < v->n; k++)
		batch_body_fault(b, i, v->items[k].pointer, v->items[k].detail);
}

static void batch_body_operation(struct batch_body *b, struct jsonslice v)
{
	struct violations faults = {0};
	size_t i = b->n++;
	one_operation_read(&b->all[i], NULL, v, &faults);
	batch_body_faults(b, i, &faults);
	violations_free(&faults);
}

/* --- all of them --------------------------------------------------------- */

static bool batch_body_same(
    const struct one_operation *a, const struct one_operation *b)
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

static void validate_one(struct batch_body *b, size_t i, size_t most)
{
	struct violations faults = {0};
	char why[160];
	enum validity validity = one_operation_validate(
	    &b->all[i], ONE_OPERATION_DOCUMENT, most, &faults, why);
	if (validity == TOO_LARGE && b->result.validity == VALID) {
		b->result.validity = TOO_LARGE;
		snprintf(b->result.message, sizeof b->result.message,
		    "operation %zu: %.120s", i, why);
	}
	batch_body_faults(b, i, &faults);
	violations_free(&faults);
}

void batch_body_validate(struct batch_body *b, size_t most)
{
	for (size_t i = 0; i < b->n; i++) {
		const struct one_operation *o = &b->all[i];
		if (o->good && o->id.len)
			validate_one(b, i, most);
	}
}

void batch_body_write(const struct batch_body *b, struct buf *out)
{
	for (size_t i = 0; i < b->n; i++) {
		const struct record_write w = one_operation_record(&b->all[i]);
		operations_add(out, &w);
	}
	operations_end(out);
}

void batch_body_free(struct batch_body *b)
{
	for (size_t i = 0; i < b->n; i++)
		one_operation_free(&b->all[i]);
	free(b->all);
	buf_free(&b->group);
	validation_free(&b->result);
	*b = (struct batch_body){0};
}
