/* The reference systems' routes POST /write and GET /read/{key}.
 *
 * This file words their requests and answers; everything else is done as for
 * the native routes. Their writes wait for the commit, so that a read after a
 * write sees it.
 */
#include "api/commits/outcomes.h"
#include "api/core/answer.h"
#include "api/core/route.h"
#include "api/core/settings.h"
#include "api/read/lookup.h"
#include "api/write/native.h"
#include "api/write/write.h"
#include "common/base/utf8.h"

#include <jansson.h>
#include <string.h>

/* --- GET /read/{key} ----------------------------------------------------- */

static const char *level_of(enum tier tier)
{
	if (tier == TIER_L1)
		return "L1";
	return tier == TIER_REDIS ? "L2" : "DB";
}

static void compat_add_member(
    struct buf *out, const json_t *doc, const char *name)
{
	const json_t *v = json_object_get(doc, name);
	buf_printf(out, ",\"%s\":", name);
	if (json_is_string(v))
		buf_json(out, json_string_value(v), json_string_length(v));
	else
		buf_str(out, "null");
}

static enum step_result answer_read(
    struct request *r, const char *key, size_t len, const struct value *v)
{
	bool present = v && v->present;
	bool cached = r->read->tier == TIER_L1 || r->read->tier == TIER_REDIS;
	struct buf body = {0};
	buf_printf(
	    &body, "{\"success\":%s,\"key\":", present ? "true" : "false");
	buf_json(&body, key, len);
	if (present) {
		json_t *doc = json_loadb(v->doc, v->len, 0, NULL);
		compat_add_member(&body, doc, "value");
		compat_add_member(&body, doc, "created_at");
		compat_add_member(&body, doc, "updated_at");
		json_decref(doc);
	}
	buf_printf(&body,
	    ",\"message\":\"%s\",\"from_cache\":%s,\"from_replica\":%s,"
	    "\"cache_level\":\"%s\"}\n",
	    present ? "Data retrieved successfully" : "Key not found",
	    cached ? "true" : "false",
	    r->read->tier == TIER_REPLICA ? "true" : "false",
	    level_of(r->read->tier));
	return answer_json(r, 200, &body);
}

static enum step_result seed_read(struct request *r)
{
	return answer_read(r, r->target.key, r->target.key_len, r->read->value);
}

/* A text that cannot be a key belongs to no row, so no tier is asked. It may be
 * invalid UTF-8, which JSON cannot contain. */
static enum step_result seed_absent(
    struct request *r, const char *key, size_t len)
{
	return answer_read(r, key, utf8_prefix(key, len), NULL);
}

/* --- POST /write --------------------------------------------------------- */

static enum step_result seed_parse(struct request *r)
{
	native_compat_wait(r);
	const struct collection *c = r->target.collection;
	if (c == NULL)
		return answer_problem(r, PROBLEM_COLLECTION_NOT_FOUND,
		    "The collection records is not declared.");
	/* The body of this route has a key and a value, and no owner. */
	if (r->right == RIGHT_OWN)
		return native_foreign(r);
	struct validation v;
	validate_seed_write(
	    c, r->body.data ? r->body.data : "", r->body.len, &v);
	validate_size(c, VALIDATE_WHOLE, 0, NULL, 0,
	    (size_t)r->thread->instance->settings->common.document_max, &v);
	if (v.validity != VALID)
		return native_refuse(r, &v);
	r->write->doc = buf_take(&v.filled, &r->write->doc_len);
	request_target(r, c, v.key.data, v.key.len);
	validation_free(&v);
	return STEP_MORE;
}

/* Every write goes through the log. So the answer says that it was queued, even
 * if the request waited for its commit. */
static enum step_result answer_write(
    struct request *r, unsigned status, bool committed)
{
	struct buf body = {0};
	buf_str(&body, "{\"success\":true,\"key\":");
	buf_json(&body, r->target.key, r->target.key_len);
	buf_printf(&body,
	    ",\"message\":\"Write queued successfully\",\"queued\":true,"
	    "\"committed\":%s",
	    committed ? "true" : "false");
	char position[POSITION_MAX_LEN] = "";
	if (r->write->has_position) {
		position_format(r->write->position, position);
		buf_printf(&body, ",\"position\":\"%s\"", position);
	}
	buf_str(&body, "}\n");
	struct MHD_Response *response =
	    answer_body(r, &body, "application/json");
	if (r->write->has_position)
		MHD_add_response_header(response, "Sluice-Position", position);
	return answer_queue(r, status, response);
}

static enum step_result seed_receipt(struct request *r)
{
	return answer_write(r, 202, false);
}

static enum step_result seed_settled(struct request *r, struct outcome o)
{
	if (o.kind != OUTCOME_REJECTED)
		return answer_write(r, 200, true);
	const struct reason_row *row = reason_row(o.reason);
	return answer_problem(r, problem_by_type(row->problem), row->text);
}

const struct surface seed_surface = {
    seed_read, seed_parse, seed_receipt, seed_settled, seed_absent};
