/* POST /v1/_batch: operations on documents of one group, all or nothing. From
 * the log on, it is one write: one record, one position, one outcome.
 */
#include "api/batch/batch_body.h"
#include "api/commits/outcomes.h"
#include "api/core/admission.h"
#include "api/core/answer.h"
#include "api/core/metrics.h"
#include "api/core/route.h"
#include "api/core/settings.h"
#include "api/operation/operation_right.h"
#include "api/write/native.h"
#include "api/write/schema_ready.h"
#include "api/write/write.h"
#include "common/base/mem.h"

#include <inttypes.h>
#include <string.h>
#include <xxhash.h>

/* --- what the client may do ---------------------------------------------- */

static enum step_result batch_admit(struct request *r, struct one_operation *o)
{
	r->target.collection = o->collection;
	if (o->collection == NULL)
		return admission_knows(r, VERB_docs) ? STEP_MORE
						     : admission_refuse(r);
	r->right = operation_right(r, o);
	if (r->right == RIGHT_NONE)
		return admission_refuse(r);
	return r->right != RIGHT_OWN || operation_own(r, o) ? STEP_MORE
							    : native_foreign(r);
}

/* --- the request --------------------------------------------------------- */

static enum step_result batch_is_ready(
    struct request *r, const struct batch_body *b)
{
	for (size_t i = 0; i < b->n; i++) {
		if (schema_ready_misses(
			r->thread->instance->migrated, b->all[i].collection))
			return answer_problem(r, PROBLEM_STORE_UNAVAILABLE,
			    "The table of one of the collections is not "
			    "migrated to its declaration yet.");
	}
	return STEP_MORE;
}

static enum step_result batch_compose(
    struct request *r, const struct batch_body *b)
{
	enum { ROOM = 32 << 10 }; /* what the log's form needs besides */
	struct buf value = {0};
	size_t most =
	    (size_t)r->thread->instance->settings->common.document_max + ROOM;
	batch_body_write(b, &value);
	if (value.len > most || value.len > OPERATIONS_BYTES) {
		buf_free(&value);
		return answer_problem(r, PROBLEM_TOO_LARGE,
		    "The documents of a batch may have as many bytes together "
		    "as the setting document.max_bytes says.");
	}
	r->write->doc = buf_take(&value, &r->write->doc_len);
	return STEP_MORE;
}

static enum step_result batch_take(struct request *r, struct batch_body *b)
{
	for (size_t i = 0; i < b->n; i++) {
		if (batch_admit(r, &b->all[i]) == STEP_DONE)
			return STEP_DONE;
	}
	/* What was checked for each operation need not be checked again. */
	r->target.collection = NULL;
	r->right = RIGHT_ALL;
	batch_body_validate(
	    b, (size_t)r->thread->instance->settings->common.document_max);
	if (b->result.validity != VALID)
		return native_refuse(r, &b->result);
	if (batch_is_ready(r, b) == STEP_DONE ||
	    batch_compose(r, b) == STEP_DONE)
		return STEP_DONE;
	request_group(r, b->group.data, b->group.len);
	r->write->operations = b->n;
	metric_add(&r->thread->metrics->batch_operations, (int64_t)b->n);
	return STEP_MORE;
}

static uint64_t batch_fingerprint(const struct request *r)
{
	struct buf b = {0};
	buf_str(&b, "batch ");
	buf_add(&b, r->body.data, r->body.len);
	uint64_t hash = XXH3_64bits(b.data, b.len);
	buf_free(&b);
	return hash;
}

static enum step_result batch_parse(struct request *r)
{
	struct batch_body b;
	if (native_idempotency(r) == STEP_DONE)
		return STEP_DONE;
	batch_body_read(&b, r->body.data ? r->body.data : "", r->body.len);
	enum step_result result = batch_take(r, &b);
	batch_body_free(&b);
	if (result == STEP_DONE)
		return STEP_DONE;
	if (r->write->idempotency_key)
		r->write->fingerprint = batch_fingerprint(r);
	native_wait(r, true);
	return STEP_MORE;
}

/* --- the answer ---------------------------------------------------------- */

static void batch_state(
    const struct request *r, const char *state, struct buf *out)
{
	char position[POSITION_MAX_LEN];
	buf_printf(out, "{\"state\":\"%s\",\"group\":", state);
	buf_json(out, r->target.key, r->target.key_len);
	buf_printf(out, ",\"operations\":%zu", r->write->operations);
	if (r->write->has_position) {
		position_format(r->write->position, position);
		buf_printf(out,
		    ",\"position\":\"%s\",\"version\":\"%" PRIu64 "\"",
		    position, r->write->position.version);
	}
	buf_str(out, "}\n");
}

static enum step_result batch_receipt(struct request *r)
{
	struct buf body = {0};
	batch_state(r, "accepted", &body);
	return native_accepted(r, &body);
}

static enum step_result batch_refused(struct request *r, enum reason reason)
{
	const struct reason_row *row = reason_row(reason);
	const struct decision *d = &r->write->decision;
	struct buf extra = {0};
	if (d->has_index)
		buf_printf(&extra, ",\"index\":%zu", d->index);
	if (d->constraint[0]) {
		buf_str(&extra, ",\"constraint\":");
		buf_json(&extra, d->constraint, strlen(d->constraint));
	}
	struct MHD_Response *response = answer_problem_response(
	    r, problem_by_type(row->problem), row->text, NULL, extra.data);
	buf_free(&extra);
	native_add_waited(r, response, PREFER_STATE);
	return answer_queue(r, row->status, response);
}

static enum step_result batch_settled(struct request *r, struct outcome o)
{
	if (o.kind == OUTCOME_REJECTED)
		return batch_refused(r, o.reason);
	bool minimal = r->write->prefer.return_minimal;
	struct buf body = {0};
	if (!minimal)
		batch_state(r, "committed", &body);
	struct MHD_Response *response =
	    answer_body(r, &body, minimal ? NULL : "application/json");
	native_add_waited(r, response, minimal ? PREFER_NOTHING : PREFER_STATE);
	return answer_queue(r, 200, response);
}

const struct surface batch_surface = {
    .parse = batch_parse, .receipt = batch_receipt, .settled = batch_settled};
