/* GET /v1/{collection}: a page of a list; …/_export: all its rows; …/_count:
 * their number.
 * This module takes the query; then the request goes on as a read
 * (api/read/read.c).
 */
#include "api/list/list.h"

#include "api/core/admission.h"
#include "api/core/answer.h"
#include "api/core/header_budget.h"
#include "api/core/media.h"
#include "api/core/offer.h"
#include "api/core/route.h"
#include "api/http/prefer.h"
#include "api/list/export.h"
#include "api/list/list_query.h"
#include "api/read/lookup.h"
#include "api/read/read.h"
#include "common/http/http_head.h"

#include <stdlib.h>
#include <string.h>

_Static_assert((int)LIST_FILTERS + 4 <= (int)HEADER_BUDGET_PARAMETERS,
    "a query with all filters and limit, order, cursor, select");

struct taking {
	struct list_query *query;
	struct list_fault fault;
	bool bad;
};

static enum step_result list_refuse(
    struct request *r, const struct list_fault *fault)
{
	return offer_refuse(r,
	    fault->cursor ? PROBLEM_INVALID_CURSOR : PROBLEM_INVALID_FILTER,
	    fault->parameter, fault->detail);
}

static bool take_parameter(
    void *arg, const char *name, size_t name_len, const char *value, size_t len)
{
	struct taking *t = arg;
	if (value == NULL) {
		t->bad = true;
		t->fault = (struct list_fault){.detail = OFFER_MALFORMED};
		memcpy(t->fault.parameter, name, name_len);
	} else {
		t->bad = !list_query_add(
		    t->query, name, name_len, value, len, &t->fault);
	}
	return !t->bad;
}

/* A page is kept in L1 under the id of its query. */
static void list_target(struct request *r)
{
	struct buf id = {0};
	list_query_id(&id, r->read->list);
	free(r->target.id);
	r->target.id = buf_take(&id, &r->target.id_len);
}

/* The reference routes know neither Prefer of a read nor select. */
static bool is_native(const struct request *r)
{
	return r->route->surface == &native_surface;
}

static bool wants_total(struct request *r)
{
	struct buf list = {0};
	struct prefer p = {0};
	const char *lines = NULL;
	if (is_native(r))
		lines = request_list(r, "Prefer", &list);
	if (lines)
		prefer_parse(lines, &p);
	buf_free(&list);
	return p.count_exact;
}

enum step_result list_step(struct request *r)
{
	const char *type = offer_type(r);
	bool csv = strcmp(type, CSV_TYPE) == 0;
	bool counts = r->feature == &count_feature;
	/* An export has a route of its own; and a list as NDJSON is one. */
	bool exports =
	    r->feature == &export_feature || strcmp(type, NDJSON_TYPE) == 0;
	r->read->reading = true; /* also for its refusals */
	r->read->exports = exports;
	r->read->form = !exports ? NULL : csv ? &export_csv : &export_lines;
	r->read->list = list_query_new(r->target.collection);
	r->read->list->csv = csv;
	r->read->list->counts = counts;
	r->read->list->exports = exports;
	r->read->list->totals = !counts && !exports && wants_total(r);
	r->read->list->selects = !counts && is_native(r);
	struct taking t = {.query = r->read->list};
	offer_each(r, take_parameter, &t);
	if (!t.bad && r->right == RIGHT_OWN &&
	    !list_query_scope(r->read->list, request_owner(r)))
		return admission_refuse(r);
	if (t.bad || !list_query_finish(r->read->list, &t.fault))
		return list_refuse(r, &t.fault);
	if (r->read->whole)
		r->read->list->limit = r->target.collection->max_limit;
	if (!exports)
		list_target(r);
	r->step = STEP_READ;
	return STEP_MORE;
}

const struct feature list_feature = {
    .first = STEP_LIST,
    .takes_query = true,
    .enter = read_enter,
    .describe = read_describe,
    .source = read_source,
    .trace = read_trace,
    .release = read_release,
    .free = read_free,
};

const struct feature export_feature = {
    .first = STEP_LIST,
    .takes_query = true,
    .enter = read_enter,
    .describe = read_describe,
    .source = read_source,
    .trace = read_trace,
    .release = read_release,
    .free = read_free,
};

const struct feature count_feature = {
    .first = STEP_LIST,
    .takes_query = true,
    .enter = read_enter,
    .describe = read_describe,
    .source = read_source,
    .trace = read_trace,
    .release = read_release,
    .free = read_free,
};
