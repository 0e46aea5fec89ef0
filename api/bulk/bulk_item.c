/* An item of a bulk, from its text to what is sent to the log: a document that
 * is to be created, or an operation (POST /v1/{collection}/_bulk).
 */
#include "api/bulk/bulk_priv.h"
#include "api/core/metrics.h"
#include "api/core/settings.h"
#include "api/operation/operation_right.h"
#include "api/write/key_scope.h"
#include "api/write/write.h"
#include "common/base/mem.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

void bulk_drop_item(struct bulk *b)
{
	one_operation_free(&b->item);
	free(b->idempotency_key);
	b->idempotency_key = NULL;
	b->held = false;
}

/* The item has this result, and is not sent. */
static void bulk_item_refuse(
    struct request *r, enum problem p, const struct violations *v)
{
	struct bulk *b = r->bulk;
	bulk_results_problem(&b->results, b->index, p, v);
	if (p != PROBLEM_FORBIDDEN)
		metric_add(&r->thread->metrics->write_invalid, 1);
	bulk_drop_item(b);
}

/* A document is created, or what on_conflict says. */
static void bulk_item_document(struct request *r, struct jsonslice value)
{
	struct bulk *b = r->bulk;
	bool replaces = b->conflict == ON_CONFLICT_REPLACE;
	b->item = (struct one_operation){
	    .collection = r->target.collection,
	    .op = RECORD_PUT,
	    .creates = !replaces,
	    .good = true,
	    .condition = replaces ? RECORD_ALWAYS : RECORD_CREATE,
	    .document = value,
	};
	buf_str(&b->item.id, r->target.collection->name);
	buf_char(&b->item.id, '/');
	b->item.prefix = b->item.id.len;
}

/* The same line again is the same request. */
static void bulk_item_idempotency(struct request *r)
{
	struct bulk *b = r->bulk;
	const struct buf *key = &b->item.idempotency_key;
	struct buf text = {0};
	if (key->len == 0)
		return;
	b->idempotency_key = r->principal
				 ? key_scope(principal_subject(r->principal),
				       key->data, key->len)
				 : mem_strndup(key->data, key->len);
	buf_printf(&text, "bulk %s ", r->target.collection->name);
	buf_add(&text, b->split.text.data, b->split.text.len);
	b->fingerprint = XXH3_64bits(text.data, text.len);
	buf_free(&text);
}

/* What the caller may do with the item; the bulk itself is allowed. */
static enum right bulk_item_right(const struct request *r)
{
	return r->bulk->operations ? operation_right(r, &r->bulk->item)
				   : r->right;
}

static void bulk_item_check(struct request *r, struct violations *faults)
{
	struct bulk *b = r->bulk;
	size_t most =
	    (size_t)r->thread->instance->settings->common.document_max;
	char why[160];
	enum right right = RIGHT_NONE;
	if (b->item.good)
		right = bulk_item_right(r);
	if (!b->item.good) {
		bulk_item_refuse(r, PROBLEM_VALIDATION, faults);
		return;
	}
	if (right == RIGHT_NONE ||
	    (right == RIGHT_OWN && !operation_own(r, &b->item))) {
		bulk_item_refuse(r, PROBLEM_FORBIDDEN, NULL);
		return;
	}
	const char *place = b->operations ? ONE_OPERATION_DOCUMENT : "";
	switch (one_operation_validate(&b->item, place, most, faults, why)) {
	case VALID:
		break;
	case TOO_LARGE:
		bulk_item_refuse(r, PROBLEM_TOO_LARGE, NULL);
		return;
	case INVALID:
	case NOT_JSON:
		bulk_item_refuse(r, PROBLEM_VALIDATION, faults);
		return;
	}
	bulk_item_idempotency(r);
	b->held = true;
}

void bulk_take_item(struct request *r)
{
	struct bulk *b = r->bulk;
	struct violations faults = {0};
	struct validation parsed;
	struct jsonslice value;
	if (!validate_parse(
		b->split.text.data, b->split.text.len, &value, &parsed)) {
		bulk_not_json(b, b->split.at + parsed.offset, parsed.message);
		return;
	}
	b->index = bulk_results_add(&b->results);
	metric_add(&r->thread->metrics->bulk_items, 1);
	if (b->operations)
		one_operation_read(
		    &b->item, r->target.collection, value, &faults);
	else
		bulk_item_document(r, value);
	bulk_item_check(r, &faults);
	violations_free(&faults);
}
