#include "api/compat/compat_rows.h"

#include "api/commits/outcomes.h"
#include "api/core/admission.h"
#include "api/core/answer.h"
#include "api/core/key_check.h"
#include "api/list/export.h"
#include "api/read/lookup.h"
#include "api/read/read.h"
#include "api/write/native.h"
#include "api/write/write.h"
#include "common/http/http_head.h"
#include "common/http/path.h"
#include "common/json/jsondup.h"

#include <inttypes.h>
#include <string.h>

/* --- failures ------------------------------------------------------------ */

/* Answers {"detail": …}, which their clients expect. */
static enum step_result compat_rows_fail(
    struct request *r, unsigned status, const char *detail)
{
	struct buf body = {0};
	buf_str(&body, "{\"detail\":");
	buf_json(&body, detail, strlen(detail));
	buf_str(&body, "}\n");
	return answer_json(r, status, &body);
}

static bool is_posts(const struct request *r)
{
	return r->route->surface == &seed_posts;
}

static enum step_result no_row(struct request *r)
{
	return compat_rows_fail(
	    r, 404, is_posts(r) ? "Post not found" : "Product not found");
}

static void detail(struct buf *out, const char *where, const char *pointer,
    const char *text, const char *type)
{
	buf_printf(out, "%s{\"loc\":[\"%s\"", out->len ? "," : "", where);
	if (*pointer) {
		buf_char(out, ',');
		buf_json(out, pointer + 1, strlen(pointer + 1));
	}
	buf_str(out, "],\"msg\":");
	buf_json(out, text, strlen(text));
	buf_printf(out, ",\"type\":\"%s\"}", type);
}

/* Takes the text, a list of details. */
static enum step_result compat_rows_refuse(
    struct request *r, struct buf *details)
{
	struct buf body = {0};
	buf_printf(&body, "{\"detail\":[%s]}\n", details->data);
	buf_free(details);
	return answer_json(r, 422, &body);
}

static enum step_result refuse_all(
    struct request *r, const char *where, struct violations *v)
{
	struct buf details = {0};
	for (size_t i = 0; i < v->n; i++)
		detail(&details, where, v->items[i].pointer, v->items[i].detail,
		    "value_error");
	violations_free(v);
	return compat_rows_refuse(r, &details);
}

static enum step_result refuse_body(struct request *r, struct validation *v)
{
	struct buf details = {0};
	if (v->validity == TOO_LARGE)
		return native_refuse(r, v);
	if (v->validity == INVALID)
		return refuse_all(r, "body", &v->violations);
	detail(&details, "body", "", v->message, "json_invalid");
	return compat_rows_refuse(r, &details);
}

/* --- the row ------------------------------------------------------------- */

static enum step_result take_id(
    struct request *r, const struct collection *c, const struct path *path)
{
	const struct path_segment *id = &path->segments[path->n - 1];
	struct violations v = {0};
	if (!key_check(c, id->text, id->len, &v))
		return refuse_all(r, "path", &v);
	request_target(r, c, id->text, id->len);
	return STEP_MORE;
}

static bool has_query(const struct request *r)
{
	return MHD_get_connection_values(
		   r->connection, MHD_GET_ARGUMENT_KIND, NULL, NULL) > 0;
}

static bool row_reads(const struct request *r)
{
	return strcmp(r->route->head.method, "GET") == 0;
}

enum step_result seed_row_step(struct request *r)
{
	struct path path;
	if (r->target.collection == NULL)
		return answer_problem(r, PROBLEM_COLLECTION_NOT_FOUND,
		    "GET /v1 lists the collections.");
	bool reads = row_reads(r);
	bool one = strstr(r->route->head.pattern, "{id}") != NULL;
	r->step = !reads ? STEP_WRITE : one ? STEP_READ : STEP_LIST;
	if (reads)
		r->read->whole = !one && !has_query(r);
	if (!one)
		return STEP_MORE;
	enum step_result result = STEP_MORE;
	if (path_parse(r->path, &path))
		result = take_id(r, r->target.collection, &path);
	path_free(&path);
	return result;
}

/* --- what is read, or was written ---------------------------------------- */

/* Appends the document with one more member. */
static void add_cached(struct buf *out, struct jsonslice doc, bool cached)
{
	buf_add(out, doc.s, doc.len - 1); /* without its closing brace */
	buf_printf(out, ",\"cached\":%s}", cached ? "true" : "false");
}

static void add_source(struct buf *out, mono_us_t began, bool cached)
{
	dur_us_t took = clock_mono() - began;
	buf_printf(out,
	    ",\"source\":\"%s\",\"response_time\":%" PRId64 ".%06d}\n",
	    cached ? "cache" : "database", took / 1000000,
	    (int)(took % 1000000));
}

/* False: the text from the database is not JSON. */
static bool add_posts(struct buf *out, const struct value *page, bool cached)
{
	struct jsonslice all;
	if (!jsonslice_scan(page->doc, page->len, &all))
		return false;
	struct jsonslice_element e = jsonslice_elements(all);
	buf_char(out, '[');
	while (jsonslice_each(&e)) {
		buf_str(out, out->len > 1 ? "," : "");
		add_cached(out, e.value, cached);
	}
	buf_str(out, "]\n");
	return true;
}

static void begin_posts(struct buf *out, const struct list_query *q)
{
	(void)q;
	buf_char(out, '[');
}

static void post_of(struct buf *out, const struct list_query *q,
    const struct row_doc_cell *cells)
{
	export_document(out, q, cells);
	out->len--; /* the closing brace */
	buf_str(out, ",\"cached\":false}");
}

static void end_posts(struct buf *out, mono_us_t began)
{
	(void)began;
	buf_str(out, "]\n");
}

static void begin_products(struct buf *out, const struct list_query *q)
{
	(void)q;
	buf_str(out, "{\"products\":[");
}

static void end_products(struct buf *out, mono_us_t began)
{
	buf_char(out, ']');
	add_source(out, began, false);
}

static const struct export_form all_posts = {
    "application/json", begin_posts, ",", post_of, end_posts};
static const struct export_form all_products = {
    "application/json", begin_products, ",", export_document, end_products};

/* All rows are asked for, and there are more than a page has: exports them. Who
 * may not export gets the page. */
static enum step_result stream_all(struct request *r)
{
	value_unref(&r->read->value);
	r->read->tier = TIER_NONE;
	r->read->skipped = 0;
	r->read->collapsed = false;
	r->read->form = is_posts(r) ? &all_posts : &all_products;
	r->read->exports = true;
	r->step = STEP_EXPORT;
	return STEP_MORE;
}

/* Answers with a page, as GET /v1/{collection}; but its Link names this route.
 */
static enum step_result list_read(struct request *r)
{
	const struct value *page = r->read->value;
	if (r->read->whole && page->page->next &&
	    admission_right(r, VERB_export) == RIGHT_ALL)
		return stream_all(r);
	bool cached = r->read->tier == TIER_L1;
	struct buf body = {0}, link = {0};
	if (is_posts(r)) {
		if (!add_posts(&body, page, cached)) {
			buf_free(&body);
			return answer_problem(r, PROBLEM_STORE_UNAVAILABLE,
			    "The database returned something that is not "
			    "JSON.");
		}
	} else {
		buf_str(&body, "{\"products\":");
		buf_add(&body, page->doc, page->len);
		add_source(&body, r->started, cached);
	}
	struct MHD_Response *response =
	    answer_body(r, &body, "application/json");
	if (page->page->next) {
		buf_printf(&link, "<%s", page->page->next + strlen("</v1"));
		MHD_add_response_header(
		    response, MHD_HTTP_HEADER_LINK, link.data);
	}
	buf_free(&link);
	return answer_queue(r, 200, response);
}

static enum step_result row_read(struct request *r)
{
	if (r->read->list)
		return list_read(r);
	bool wrote = r->write != NULL;
	bool cached =
	    !wrote && (r->read->tier == TIER_L1 || r->read->tier == TIER_REDIS);
	struct buf body = {0};
	if (!r->read->value->present)
		return no_row(r);
	if (is_posts(r)) {
		add_cached(&body,
		    (struct jsonslice){
			r->read->value->doc, r->read->value->len},
		    cached);
		buf_char(&body, '\n');
		return answer_json(
		    r, wrote && r->write->creates ? 201 : 200, &body);
	}
	buf_str(&body, "{\"product\":");
	buf_add(&body, r->read->value->doc, r->read->value->len);
	add_source(&body, r->started, cached);
	return answer_json(r, 200, &body);
}

/* --- writes -------------------------------------------------------------- */

/* Their PUT /posts treats null as a field that is left out. */
static void without_nulls(struct jsonslice object, struct buf *out)
{
	struct jsonslice_member m = jsonslice_members(object);
	buf_char(out, '{');
	while (jsonslice_next(&m)) {
		if (jsonslice_kind(m.value) == JSONSLICE_NULL)
			continue;
		buf_str(out, out->len > 1 ? "," : "");
		buf_add(out, m.name.s, m.name.len);
		buf_char(out, ':');
		buf_add(out, m.value.s, m.value.len);
	}
	buf_char(out, '}');
}

static void drop_nulls(struct request *r)
{
	struct buf shorter = {0};
	struct jsonslice v;
	if (!jsonslice_scan(
		r->body.data ? r->body.data : "", r->body.len, &v) ||
	    jsonslice_kind(v) != JSONSLICE_OBJECT || jsondup_find(v).s)
		return; /* validation will report the fault */
	without_nulls(v, &shorter);
	buf_free(&r->body);
	r->body = shorter;
}

static enum step_result take_body(struct request *r)
{
	bool patch = r->write->op == RECORD_PATCH;
	struct validation v;
	if (patch)
		drop_nulls(r);
	if (!native_is_own(r, patch ? VALIDATE_PATCH : VALIDATE_WHOLE))
		return native_foreign(r);
	return native_take(r, patch ? VALIDATE_PATCH : VALIDATE_WHOLE, &v)
		   ? STEP_MORE
		   : refuse_body(r, &v);
}

/* A PUT changes a row that exists; it never creates one. */
static enum step_result row_parse(struct request *r)
{
	native_compat_wait(r);
	r->write->creates = r->target.id == NULL;
	if (r->write->creates) {
		r->write->condition = RECORD_CREATE;
	} else if (r->write->op == RECORD_PUT) {
		r->write->condition = RECORD_IF_MATCH;
		buf_char(&r->write->versions, '*');
	}
	return r->write->op == RECORD_DELETE ? STEP_MORE : take_body(r);
}

static enum step_result row_receipt(struct request *r)
{
	return native_surface.receipt(r);
}

static enum step_result deleted(struct request *r)
{
	struct buf body = {0};
	if (is_posts(r))
		return answer_queue(r, 204, answer_body(r, &body, NULL));
	buf_str(&body, "{\"message\":\"Product deleted successfully\"");
	add_source(&body, r->started, false);
	return answer_json(r, 200, &body);
}

static enum step_result row_settled(struct request *r, struct outcome o)
{
	if (o.kind != OUTCOME_REJECTED) {
		if (r->write->op == RECORD_DELETE)
			return deleted(r);
		return admission_allows(r, VERB_read) ? write_read_row(r)
						      : row_receipt(r);
	}
	if (o.reason == REASON_NOT_FOUND || o.reason == REASON_PRECONDITION)
		return no_row(r);
	const struct reason_row *row = reason_row(o.reason);
	return compat_rows_fail(r, row->status, row->text);
}

const struct surface seed_posts = {
    row_read, row_parse, row_receipt, row_settled, NULL};
const struct surface seed_products = {
    row_read, row_parse, row_receipt, row_settled, NULL};

static void row_enter(struct request *r)
{
	if (row_reads(r))
		read_enter(r);
	else
		write_enter(r);
}

static bool row_release(struct request *r)
{
	return row_reads(r) ? read_release(r) : write_release(r);
}

static void row_free(struct request *r)
{
	if (row_reads(r))
		read_free(r);
	else
		write_free(r);
}

const struct feature row_feature = {
    .first = STEP_SEED_ROW,
    .enter = row_enter,
    .describe = read_describe,
    .source = read_source,
    .trace = write_trace,
    .release = row_release,
    .free = row_free,
};
