/* The native routes: /v1/{collection}/{key}. */
#include "api/write/native.h"

#include "api/commits/tail.h"
#include "api/core/admission.h"
#include "api/core/answer.h"
#include "api/core/guard.h"
#include "api/core/media.h"
#include "api/core/route.h"
#include "api/core/settings.h"
#include "api/http/precondition.h"
#include "api/read/lookup.h"
#include "api/write/key_scope.h"
#include "api/write/own_document.h"
#include "api/write/write.h"
#include "common/base/mem.h"
#include "common/http/http_head.h"
#include "common/http/path.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <xxhash.h>

/* The receipts of writes. */
#define WRITES "/v1/_writes/"

/* --- reads --------------------------------------------------------------- */

enum said { SAID_NOTHING, SAID_LISTED, SAID_OTHERS };

/* Compares a precondition with the value. The tag of the value is made only if
 * the header exists, since most requests have none. */
static enum said precondition(const struct request *r, const char *name,
    bool strong, const struct value *v)
{
	struct buf list = {0};
	const char *tags = request_list(r, name, &list);
	char etag[VALUE_ETAG_LEN];
	if (tags == NULL)
		return SAID_NOTHING;
	value_etag(v, etag);
	bool listed = etag_listed(tags, etag, strong);
	buf_free(&list);
	return listed ? SAID_LISTED : SAID_OTHERS;
}

static enum step_result native_absent(
    struct request *r, const char *key, size_t len)
{
	(void)key, (void)len;
	return answer_problem(r, PROBLEM_NOT_FOUND, "No row has this key.");
}

static enum step_result represent(struct request *r);

/* Replaces the document by the part of it that is asked for. All tiers have
 * whole documents: so one entry serves every selection, and one commit ends it.
 * False: the text from a tier is not JSON. */
static bool native_select(struct request *r)
{
	struct buf part = {0};
	const struct value *whole = r->read->value;
	if (!r->read->only.narrow)
		return true;
	if (!selection_cut(&part, &r->read->only, r->target.collection,
		whole->doc, whole->len))
		return false;
	value_unref(&r->read->value);
	r->read->value = value_part_new(part.data, part.len);
	buf_free(&part);
	return true;
}

static enum step_result native_read(struct request *r)
{
	if (r->write)
		return represent(r);
	if (!r->read->value->present)
		return native_absent(r, r->target.key, r->target.key_len);
	if (!native_select(r))
		return answer_problem(r, PROBLEM_STORE_UNAVAILABLE,
		    "The database returned something that is not JSON.");
	struct value *v = r->read->value;
	if (precondition(r, MHD_HTTP_HEADER_IF_MATCH, true, v) == SAID_OTHERS)
		return answer_problem(r, PROBLEM_PRECONDITION, NULL);
	if (precondition(r, MHD_HTTP_HEADER_IF_NONE_MATCH, false, v) ==
	    SAID_LISTED)
		return answer_queue(r, 304, value_unchanged(v));
	r->bytes = (int64_t)v->len;
	/* The ready-made response cannot have `Connection: close`, nor the id
	 * of this request; who sent one gets it back. */
	bool plain = r->read->tier == TIER_L1 && !r->thread->draining &&
		     !r->given_id && tail_up(r->thread->instance->tail) &&
		     guard_shares(r);
	return plain && v->l1_response
		   ? answer_shared(r, 200, v->l1_response)
		   : answer_queue(r, 200, value_response(v));
}

/* --- writes: the request ------------------------------------------------- */

static enum MHD_Result add_preference(
    void *arg, enum MHD_ValueKind kind, const char *name, const char *value)
{
	(void)kind;
	if (value && strcasecmp(name, "Prefer") == 0)
		prefer_parse(value, arg);
	return MHD_YES;
}

void native_preferences(struct request *r)
{
	MHD_get_connection_values(
	    r->connection, MHD_HEADER_KIND, add_preference, &r->write->prefer);
}

void native_compat_wait(struct request *r)
{
	native_preferences(r);
	r->write->wait_for = r->thread->instance->settings->compat_write_wait;
	if (r->write->prefer.has_wait)
		r->write->wait_for = r->write->prefer.wait;
	if (r->write->prefer.respond_async)
		r->write->wait_for = 0;
}

static enum step_result native_not_json(
    struct request *r, const struct validation *v)
{
	char extra[48], detail[200];
	snprintf(extra, sizeof extra, ",\"offset\":%zu", v->offset);
	snprintf(
	    detail, sizeof detail, "%s (at byte %zu)", v->message, v->offset);
	return answer_queue(r, problem_status(PROBLEM_INVALID_JSON),
	    answer_problem_response(
		r, PROBLEM_INVALID_JSON, detail, NULL, extra));
}

enum step_result native_refuse(struct request *r, struct validation *v)
{
	if (v->validity == NOT_JSON)
		return native_not_json(r, v);
	if (v->validity == TOO_LARGE)
		return answer_problem(r, PROBLEM_TOO_LARGE, v->message);
	return answer_violations(r, &v->violations);
}

bool native_is_own(struct request *r, enum validate_as as)
{
	struct buf filled = {0};
	if (r->right != RIGHT_OWN || r->body.len == 0)
		return true;
	switch (own_document(r->target.collection, as == VALIDATE_WHOLE,
	    r->body.data, r->body.len, request_owner(r), &filled)) {
	case OWN_AS_IS:
		return true;
	case OWN_FILLED:
		buf_free(&r->body);
		r->body = filled;
		return true;
	case OWN_FOREIGN:
		break;
	}
	return false;
}

enum step_result native_foreign(struct request *r)
{
	return answer_problem(r, PROBLEM_FORBIDDEN,
	    "The document names another owner than the caller.");
}

bool native_take(struct request *r, enum validate_as as, struct validation *v)
{
	validate_document(r->target.collection, as, r->target.key,
	    r->target.key_len, r->body.data ? r->body.data : "", r->body.len,
	    v);
	validate_size(r->target.collection, as, r->target.key_len, r->body.data,
	    r->body.len,
	    (size_t)r->thread->instance->settings->common.document_max, v);
	if (v->validity != VALID)
		return false;
	if (v->filled.len)
		r->write->doc = buf_take(&v->filled, &r->write->doc_len);
	if (v->key.len)
		request_target(
		    r, r->target.collection, v->key.data, v->key.len);
	validation_free(v);
	return true;
}

static enum step_result bad_header(
    struct request *r, const char *name, const char *why)
{
	struct violations v = {0};
	violations_add(&v, name, "%s", why);
	return answer_violations(r, &v);
}

static enum step_result take_condition(struct request *r)
{
	struct buf match = {0}, none = {0};
	enum precondition_kind kind = precondition_parse(
	    request_list(r, MHD_HTTP_HEADER_IF_MATCH, &match),
	    request_list(r, MHD_HTTP_HEADER_IF_NONE_MATCH, &none),
	    &r->write->versions);
	buf_free(&match);
	buf_free(&none);
	switch (kind) {
	case PRECONDITION_NONE:
		if (r->write->creates)
			r->write->condition = RECORD_CREATE;
		return STEP_MORE;
	case PRECONDITION_MATCH:
		if (r->write->creates)
			return bad_header(r, "If-Match",
			    "a POST creates a row, so there is none to match");
		r->write->condition = RECORD_IF_MATCH;
		return STEP_MORE;
	case PRECONDITION_ABSENT:
		r->write->condition =
		    r->write->creates ? RECORD_CREATE : RECORD_IF_ABSENT;
		return STEP_MORE;
	case PRECONDITION_BAD:
		break;
	}
	return bad_header(r, "If-Match",
	    "a write takes If-Match with entity tags or *, or "
	    "If-None-Match: *, not both");
}

/* A string, mostly in quotes (draft-ietf-httpapi-idempotency-key-header). Two
 * lines are joined with a blank between them, which no key may have, so they
 * are refused. */
enum step_result native_idempotency(struct request *r)
{
	struct buf line = {0};
	const char *key = request_list(r, "Idempotency-Key", &line);
	if (key == NULL)
		return STEP_MORE;
	size_t len = line.len;
	if (len >= 2 && key[0] == '"' && key[len - 1] == '"') {
		key++;
		len -= 2;
	}
	bool good = len > 0 && len <= COLLECTION_KEY_MAX;
	for (size_t i = 0; i < len; i++)
		good = good && key[i] > 0x20 && key[i] < 0x7f;
	if (good)
		r->write->idempotency_key =
		    r->principal
			? key_scope(principal_subject(r->principal), key, len)
			: mem_strndup(key, len);
	buf_free(&line);
	return good ? STEP_MORE
		    : bad_header(r, "Idempotency-Key",
			  "must be one line of 1 to 255 visible ASCII "
			  "characters");
}

/* A hash that is equal for two requests with one Idempotency-Key if they are
 * the same request. A generated key is left out, because it differs each time.
 */
static uint64_t fingerprint(const struct request *r)
{
	struct buf b = {0};
	buf_printf(&b, "%s %s %d %s ", record_op_name(r->write->op),
	    r->write->creates ? r->target.collection->name : r->target.id,
	    (int)r->write->condition,
	    r->write->versions.data ? r->write->versions.data : "");
	buf_add(&b, r->body.data, r->body.len);
	uint64_t hash = XXH3_64bits(b.data, b.len);
	buf_free(&b);
	return hash;
}

static enum step_result take_document(struct request *r)
{
	if (!record_has_body(r->write->op))
		return STEP_MORE;
	enum validate_as as = VALIDATE_WHOLE;
	if (r->write->op == RECORD_PATCH && media_is(r, INCREMENT_TYPE)) {
		r->write->op = RECORD_INCREMENT;
		as = VALIDATE_INCREMENT;
	} else if (r->write->op == RECORD_PATCH) {
		as = VALIDATE_PATCH;
	}
	struct validation v;
	if (!native_is_own(r, as))
		return native_foreign(r);
	return native_take(r, as, &v) ? STEP_MORE : native_refuse(r, &v);
}

void native_wait(struct request *r, bool asks)
{
	native_preferences(r);
	if (asks || r->write->idempotency_key)
		r->write->wait_for = r->thread->instance->settings->decide_wait;
	if (r->write->prefer.has_wait)
		r->write->wait_for = r->write->prefer.wait;
	if (r->write->prefer.respond_async)
		r->write->wait_for = 0;
}

/* A touch takes the row as it is, and twice as well as once. So it has neither
 * a condition nor an Idempotency-Key. */
static enum step_result native_parse(struct request *r)
{
	r->write->creates = r->target.id == NULL;
	if (r->write->op == RECORD_TOUCH) {
		native_wait(r, false);
		return STEP_MORE;
	}
	if (take_condition(r) == STEP_DONE ||
	    native_idempotency(r) == STEP_DONE || take_document(r) == STEP_DONE)
		return STEP_DONE;
	/* A write with a condition asks for its decision. */
	native_wait(
	    r, r->write->condition != RECORD_ALWAYS && !r->write->creates);
	if (r->write->idempotency_key)
		r->write->fingerprint = fingerprint(r);
	return STEP_MORE;
}

/* --- writes: the answer -------------------------------------------------- */

static void write_state(struct request *r, const char *state, struct buf *out)
{
	enum { OTHERS = 128 }; /* the rest, mostly */
	buf_reserve(out, r->target.key_len + OTHERS);
	buf_str(out, "{\"state\":\"");
	buf_str(out, state);
	buf_str(out, "\",\"collection\":\"");
	buf_str(out, r->target.collection->name);
	buf_str(out, "\",\"key\":");
	buf_json(out, r->target.key, r->target.key_len);
	if (r->write->has_position) {
		char position[POSITION_MAX_LEN];
		position_format(r->write->position, position);
		buf_str(out, ",\"position\":\"");
		buf_str(out, position);
		buf_char(out, '"');
	}
	buf_str(out, "}\n");
}

/* Adds the headers that every answer to an accepted write has. */
static void native_add_position(
    struct request *r, struct MHD_Response *response)
{
	if (r->write->has_position) {
		char position[POSITION_MAX_LEN];
		position_format(r->write->position, position);
		MHD_add_response_header(response, "Sluice-Position", position);
	}
}

static void add_applied(
    struct request *r, struct MHD_Response *response, enum prefer_body body)
{
	struct buf applied = {0};
	prefer_applied(&r->write->prefer, body, &applied);
	if (applied.len)
		MHD_add_response_header(
		    response, "Preference-Applied", applied.data);
	buf_free(&applied);
}

enum step_result native_accepted(struct request *r, struct buf *body)
{
	struct MHD_Response *response =
	    answer_body(r, body, "application/json");
	native_add_position(r, response);
	if (r->write->has_position) {
		char location[sizeof WRITES + POSITION_MAX_LEN] = WRITES;
		position_format(r->write->position, location + strlen(WRITES));
		MHD_add_response_header(
		    response, MHD_HTTP_HEADER_LOCATION, location);
	}
	add_applied(r, response, PREFER_STATE);
	return answer_queue(r, 202, response);
}

static enum step_result accepted(struct request *r)
{
	struct buf body = {0};
	write_state(r, "accepted", &body);
	return native_accepted(r, &body);
}

void native_add_waited(
    struct request *r, struct MHD_Response *response, enum prefer_body body)
{
	add_applied(r, response, body);
	if (r->write->replayed)
		MHD_add_response_header(
		    response, "Idempotency-Replayed", "true");
	native_add_position(r, response);
}

static enum step_result native_rejected(struct request *r, enum reason reason)
{
	const struct reason_row *row = reason_row(reason);
	struct buf extra = {0};
	if (r->write->decision.constraint[0]) {
		buf_str(&extra, ",\"constraint\":");
		buf_json(&extra, r->write->decision.constraint,
		    strlen(r->write->decision.constraint));
	}
	struct MHD_Response *response = answer_problem_response(
	    r, problem_by_type(row->problem), row->text, NULL, extra.data);
	buf_free(&extra);
	native_add_waited(r, response, PREFER_STATE);
	return answer_queue(r, row->status, response);
}

/* Adds the location of the row: Location for a row that a POST created (RFC
 * 9110, 10.2.2), Content-Location for a document. */
static void add_location(
    struct request *r, struct MHD_Response *response, const char *header)
{
	struct buf location = {0};
	buf_printf(&location, "/v1/%s/", r->target.collection->name);
	path_encode(&location, r->target.key, r->target.key_len);
	MHD_add_response_header(response, header, location.data);
	buf_free(&location);
}

static void add_etag(struct request *r, struct MHD_Response *response)
{
	char etag[VALUE_ETAG_LEN];
	snprintf(
	    etag, sizeof etag, "\"%" PRIu64 "\"", r->write->position.version);
	MHD_add_response_header(response, MHD_HTTP_HEADER_ETAG, etag);
}

static enum step_result committed(struct request *r)
{
	bool delete = r->write->op == RECORD_DELETE;
	bool minimal = delete || r->write->prefer.return_minimal;
	struct buf body = {0};
	if (!minimal)
		write_state(r, "committed", &body);
	struct MHD_Response *response =
	    answer_body(r, &body, minimal ? NULL : "application/json");
	native_add_waited(r, response, minimal ? PREFER_NOTHING : PREFER_STATE);
	if (r->write->creates)
		add_location(r, response, MHD_HTTP_HEADER_LOCATION);
	/* Whether a touch has found a row is not known here. */
	if (r->write->op != RECORD_TOUCH && !delete)
		add_etag(r, response);
	return answer_queue(r,
	    delete	     ? 204
	    : r->write->made ? 201
			     : 200,
	    response);
}

/* `return=representation`: answers with the row as it is now, which may be
 * newer than the write. */
static enum step_result represent(struct request *r)
{
	struct value *v = r->read->value;
	char etag[VALUE_ETAG_LEN];
	if (!v->present)
		return committed(r);
	value_etag(v, etag);
	struct buf body = {0};
	buf_add(&body, v->doc, v->len);
	struct MHD_Response *response =
	    answer_body(r, &body, "application/json");
	native_add_waited(r, response, PREFER_DOCUMENT);
	add_location(r, response, MHD_HTTP_HEADER_CONTENT_LOCATION);
	if (r->write->creates)
		add_location(r, response, MHD_HTTP_HEADER_LOCATION);
	MHD_add_response_header(response, MHD_HTTP_HEADER_ETAG, etag);
	return answer_queue(r, r->write->made ? 201 : 200, response);
}

/* Also the answer if the row could not be read after the commit. */
static enum step_result native_receipt(struct request *r)
{
	return r->write->represents ? committed(r) : accepted(r);
}

static enum step_result native_settled(struct request *r, struct outcome o)
{
	if (o.kind == OUTCOME_REJECTED)
		return native_rejected(r, o.reason);
	r->write->made = o.kind == OUTCOME_CREATED;
	if (!r->write->prefer.return_representation ||
	    r->write->op == RECORD_DELETE || !admission_allows(r, VERB_read))
		return committed(r);
	r->write->represents = true;
	return write_read_row(r);
}

const struct surface native_surface = {
    native_read, native_parse, native_receipt, native_settled, native_absent};
