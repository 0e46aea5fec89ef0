/* The native surface: /v1/{collection}/{key}. */
#include "api/native.h"

#include "api/answer.h"
#include "api/routes.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* --- reads --------------------------------------------------------------- */

/* Rendered only for who asks: most requests do not. */
static bool client_has(const struct request *r, const struct value *v)
{
	const char *known = request_header(r, MHD_HTTP_HEADER_IF_NONE_MATCH);
	char etag[VALUE_ETAG_LEN];
	if (known == NULL)
		return false;
	value_etag(v, etag);
	return etag_listed(known, etag);
}

static enum step_result not_modified(struct request *r)
{
	char status[160], etag[VALUE_ETAG_LEN];
	answer_cache_status(r, status);
	value_etag(r->value, etag);
	struct MHD_Response *response =
	    MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
	MHD_add_response_header(response, MHD_HTTP_HEADER_ETAG, etag);
	MHD_add_response_header(response, "Cache-Status", status);
	return answer_queue(r, 304, response);
}

static enum step_result absent(struct request *r)
{
	char status[160];
	answer_cache_status(r, status);
	struct MHD_Response *response = answer_problem_response(
	    PROBLEM_NOT_FOUND, "There is no row with this key.", NULL, NULL);
	MHD_add_response_header(response, "Cache-Status", status);
	return answer_queue(r, 404, response);
}

static enum step_result native_read(struct request *r)
{
	struct value *v = r->value;
	if (!v->present)
		return absent(r);
	if (client_has(r, v))
		return not_modified(r);
	bool plain = r->tier == TIER_L1 && tail_up(r->worker->app->tail);
	if (plain && v->l1_response)
		return answer_shared(r, 200, v->l1_response);
	char status[160];
	answer_cache_status(r, status);
	return answer_queue(r, 200, value_response(v, status));
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
	    r->connection, MHD_HEADER_KIND, add_preference, &r->prefer);
}

/* application/json or application/…+json, with any parameters. */
static bool is_json(const char *type)
{
	if (type == NULL)
		return false;
	size_t len = strcspn(type, "; \t");
	return (len == 16 && strncasecmp(type, "application/json", len) == 0) ||
	       (len > 17 && strncasecmp(type, "application/", 12) == 0 &&
		   strncasecmp(type + len - 5, "+json", 5) == 0);
}

static enum step_result not_json(struct request *r, const struct validation *v)
{
	char extra[48], detail[200];
	snprintf(extra, sizeof extra, ",\"offset\":%zu", v->offset);
	snprintf(
	    detail, sizeof detail, "%s (at byte %zu)", v->message, v->offset);
	return answer_queue(r, problem_status(PROBLEM_INVALID_JSON),
	    answer_problem_response(PROBLEM_INVALID_JSON, detail, NULL, extra));
}

enum step_result native_refuse(struct request *r, struct validation *v)
{
	if (v->validity == NOT_JSON)
		return not_json(r, v);
	return answer_violations(r, &v->violations);
}

bool native_has_json(struct request *r)
{
	return is_json(request_header(r, MHD_HTTP_HEADER_CONTENT_TYPE));
}

static enum step_result native_parse(struct request *r)
{
	native_preferences(r);
	if (r->prefer.has_wait && !r->prefer.respond_async)
		r->wait_for = r->prefer.wait;
	if (r->op == RECORD_DELETE)
		return STEP_MORE;
	if (!native_has_json(r))
		return answer_problem(r, PROBLEM_MEDIA_TYPE,
		    "Send the document as application/json.");
	struct validation v;
	validate_document(r->collection, r->key, r->key_len,
	    r->body.data ? r->body.data : "", r->body.len, &v);
	return v.validity == VALID ? STEP_MORE : native_refuse(r, &v);
}

/* --- writes: the answer -------------------------------------------------- */

static void write_state(struct request *r, const char *state, struct buf *out)
{
	buf_printf(out,
	    "{\"state\":\"%s\",\"collection\":\"%s\",\"key\":", state,
	    r->collection->name);
	buf_json(out, r->key, r->key_len);
	if (r->has_position) {
		char position[POSITION_MAX_LEN];
		position_format(r->position, position);
		buf_printf(out, ",\"position\":\"%s\"", position);
	}
	buf_str(out, "}\n");
}

/* The headers that every answer to an accepted write has. */
static void add_position(struct request *r, struct MHD_Response *response)
{
	if (r->has_position) {
		char position[POSITION_MAX_LEN];
		position_format(r->position, position);
		MHD_add_response_header(response, "Sluice-Position", position);
	}
}

static enum step_result native_receipt(struct request *r)
{
	struct buf body = {0};
	write_state(r, "accepted", &body);
	struct MHD_Response *response = answer_body(&body, "application/json");
	add_position(r, response);
	if (r->has_position) {
		char position[POSITION_MAX_LEN], location[64];
		position_format(r->position, position);
		snprintf(location, sizeof location, "/v1/_writes/%s", position);
		MHD_add_response_header(
		    response, MHD_HTTP_HEADER_LOCATION, location);
	}
	if (r->prefer.respond_async)
		MHD_add_response_header(
		    response, "Preference-Applied", "respond-async");
	return answer_queue(r, 202, response);
}

static void add_waited(struct request *r, struct MHD_Response *response)
{
	char applied[32];
	snprintf(applied, sizeof applied, "wait=%d",
	    (int)(r->prefer.wait / 1000000));
	if (r->prefer.has_wait)
		MHD_add_response_header(
		    response, "Preference-Applied", applied);
	add_position(r, response);
}

static enum step_result native_rejected(struct request *r, enum reason reason)
{
	const struct reason_row *row = reason_row(reason);
	struct MHD_Response *response = answer_problem_response(
	    problem_by_type(row->problem), row->text, NULL, NULL);
	add_waited(r, response);
	return answer_queue(r, row->status, response);
}

static enum step_result native_settled(struct request *r, struct outcome o)
{
	if (o.kind == OUTCOME_REJECTED)
		return native_rejected(r, o.reason);
	bool delete = r->op == RECORD_DELETE;
	bool minimal = delete || r->prefer.return_minimal;
	struct buf body = {0};
	if (!minimal)
		write_state(r, "committed", &body);
	struct MHD_Response *response =
	    answer_body(&body, minimal ? NULL : "application/json");
	add_waited(r, response);
	if (!delete) {
		char etag[VALUE_ETAG_LEN];
		snprintf(
		    etag, sizeof etag, "\"%" PRIu64 "\"", r->position.version);
		MHD_add_response_header(response, MHD_HTTP_HEADER_ETAG, etag);
	}
	unsigned status = o.kind == OUTCOME_CREATED ? 201 : 200;
	return answer_queue(r, delete ? 204 : status, response);
}

const struct surface native_surface = {
    native_read, native_parse, native_receipt, native_settled};
