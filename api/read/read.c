/* The steps of a read: L1, then a lookup that may be shared, then the answer.
 *
 * Wherever a value comes from, it is served only if INV-1 (api/cache/floors.h)
 * holds for it at the moment of serving, and as what it is at that moment: a
 * document may have expired since it was read (common/schema/expiry.h).
 */
#include "api/read/read.h"

#include "api/cache/current.h"
#include "api/cache/l1.h"
#include "api/commits/commit_wait.h"
#include "api/commits/tail.h"
#include "api/core/answer.h"
#include "api/core/header_budget.h"
#include "api/core/metrics.h"
#include "api/core/offer.h"
#include "api/core/route.h"
#include "api/core/settings.h"
#include "api/limits/budget.h"
#include "api/list/export.h"
#include "api/list/list_query.h"
#include "api/read/lookup.h"
#include "common/base/mem.h"
#include "common/http/httpd.h"
#include "common/schema/expiry.h"
#include "common/schema/owner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* From its time on, a document is absent, whichever tier has it. False: the
 * value is a page or a group, and has documents that are absent now. */
static bool read_is_whole(struct request *r)
{
	struct value *v = r->read->value;
	if (v->ends == EXPIRY_NEVER || !expiry_is_over(v->ends, clock_wall()))
		return true;
	metric_add(&r->thread->metrics->read_expired, 1);
	if (v->page)
		return false;
	r->read->value = value_new(0, v->as_of, NULL, 0);
	value_unref(&v);
	return true;
}

static bool read_may_serve(struct request *r)
{
	return current_allows(r->thread->instance->floors, r->target.collection,
		   r->target.slot, r->read->value, r->read->tier) &&
	       read_is_whole(r);
}

/* --- the headers --------------------------------------------------------- */

static void take_positions(struct request *r, const char *s)
{
	while (*(s += strspn(s, ", \t"))) {
		struct position p;
		size_t len = strcspn(s, ", \t");
		if (!position_parse(s, len, &p) ||
		    p.partition >= r->thread->instance->partitions) {
			r->read->bad_after = true;
			return;
		}
		r->read->after = mem_realloc(r->read->after,
		    (r->read->nafter + 1) * sizeof *r->read->after);
		r->read->after[r->read->nafter++] = p;
		s += len;
	}
}

/* A list may come in several lines. */
static enum MHD_Result take_header(
    void *arg, enum MHD_ValueKind kind, const char *name, const char *value)
{
	(void)kind;
	if (value && strcasecmp(name, "Sluice-Read-After") == 0)
		take_positions(arg, value);
	else if (value && strcasecmp(name, "Cache-Control") == 0)
		cache_control_parse(
		    value, &((struct request *)arg)->read->cache);
	return MHD_YES;
}

static enum step_result bad_position(struct request *r)
{
	struct violations v = {0};
	violations_add(&v, "Sluice-Read-After",
	    "must be positions as Sluice-Position returns them");
	return answer_violations(r, &v);
}

static enum step_result too_busy(struct request *r)
{
	if (r->read->otherwise)
		return r->read->otherwise(r);
	metric_add(&r->thread->metrics->shed, 1);
	return answer_problem(r, PROBLEM_BUFFER_FULL,
	    "This instance has reached its maximum of waiting requests "
	    "(http.max_parked).");
}

static enum step_result no_room(struct request *r)
{
	if (r->read->otherwise)
		return r->read->otherwise(r);
	r->read->tier = TIER_NONE;
	return answer_full(r);
}

enum step_result read_step(struct request *r)
{
	r->read->reading = true;
	MHD_get_connection_values(
	    r->connection, MHD_HEADER_KIND, take_header, r);
	if (r->read->bad_after)
		return bad_position(r);
	r->step = STEP_READ_AFTER;
	return STEP_MORE;
}

/* --- the query ----------------------------------------------------------- */

struct asking {
	struct request *request;
	char parameter[OFFER_NAME]; /* that is refused */
	const char *why;	    /* NULL: none is */
	bool given;
};

static bool read_take_parameter(
    void *arg, const char *name, size_t name_len, const char *value, size_t len)
{
	struct asking *a = arg;
	struct request *r = a->request;
	if (value == NULL)
		a->why = OFFER_MALFORMED;
	else if (name_len != 6 || memcmp(name, "select", 6) != 0)
		a->why = "A document takes no parameter but select.";
	else if (a->given)
		a->why = "appears twice";
	else
		a->why = selection_take(
		    &r->read->only, r->target.collection, value, len);
	a->given = true;
	offer_name(a->parameter, name);
	return a->why == NULL;
}

/* The reference routes take no parameters, and ignore them. */
static enum step_result read_head(struct request *r)
{
	struct asking a = {.request = r};
	if (r->route->surface != &native_surface)
		return STEP_MORE;
	offer_each(r, read_take_parameter, &a);
	return a.why
		   ? offer_refuse(r, PROBLEM_INVALID_FILTER, a.parameter, a.why)
		   : STEP_MORE;
}

/* --- Sluice-Read-After --------------------------------------------------- */

static bool passed(const struct request *r, struct position p)
{
	const struct tail *tail = r->thread->instance->tail;
	return p.version < tail_through(tail, p.partition);
}

static enum step_result read_wait_for(struct request *r, struct position p)
{
	if (!request_may_park(r))
		return too_busy(r);
	if (r->parking.deadline == 0)
		request_deadline(
		    r, r->thread->instance->settings->read_timeout);
	r->read->waiting_since = clock_mono();
	return commit_wait(r, p);
}

enum step_result read_after_step(struct request *r)
{
	if (r->read->waiting_since)
		r->read->waited += clock_mono() - r->read->waiting_since;
	r->read->waiting_since = 0;
	/* A watermark that was passed stays passed, and the floors stay raised.
	 */
	while (r->read->passed < r->read->nafter &&
	       passed(r, r->read->after[r->read->passed]))
		r->read->passed++;
	if (r->read->passed < r->read->nafter && r->parking.expired)
		return answer_problem(r, PROBLEM_POSITION_NOT_REACHED, NULL);
	if (r->read->passed < r->read->nafter)
		return read_wait_for(r, r->read->after[r->read->passed]);
	r->step = r->read->exports ? STEP_EXPORT : STEP_CACHED;
	return STEP_MORE;
}

/* --- L1 ------------------------------------------------------------------ */

static bool from_l1(struct request *r)
{
	struct thread *t = r->thread;
	struct api_metrics *m = t->metrics;
	r->read->times.asked |= 1U << TIER_L1;
	r->read->tier = TIER_L1;
	r->read->value = l1_get(
	    t->instance->l1, r->target.id, r->target.id_len, clock_mono());
	if (r->read->value && read_may_serve(r)) {
		metric_add(r->read->list ? &m->page_hit : &m->l1_hit, 1);
		return true;
	}
	if (r->read->value)
		metric_add(r->read->list ? &m->page_old : &m->l1_old, 1);
	else
		metric_add(r->read->list ? &m->page_miss : &m->l1_miss, 1);
	value_unref(&r->read->value);
	r->read->tier = TIER_NONE;
	return false;
}

enum step_result read_cached_step(struct request *r)
{
	r->read->way = lookup_way(r);
	bool l1 = r->read->way == LOOKUP_ALL || r->read->way == LOOKUP_CACHES;
	r->step = l1 && from_l1(r) ? STEP_READ_ANSWER : STEP_LOOKUP;
	return STEP_MORE;
}

/* --- the lookup ---------------------------------------------------------- */

enum step_result read_lookup_step(struct request *r)
{
	/* Decided anew each time, because floors may have opened or closed. */
	r->read->way = lookup_way(r);
	if (r->read->way == LOOKUP_NONE) {
		r->read->failure = READ_UNCACHED;
		r->step = STEP_READ_ANSWER;
		return STEP_MORE;
	}
	if (!request_may_park(r))
		return too_busy(r);
	/* Before the database makes a page for which there is no room. */
	if (r->read->list && !budget_keeps(&budget_answers, 0))
		return no_room(r);
	if (r->parking.deadline == 0)
		request_deadline(
		    r, r->thread->instance->settings->read_timeout);
	r->step = STEP_LANDED;
	lookup_join(r);
	return STEP_PARK;
}

enum step_result read_landed_step(struct request *r)
{
	r->step = STEP_READ_ANSWER;
	if (r->read->value && read_may_serve(r))
		return STEP_MORE;
	/* A commit was heard of while the result was on its way: looks up
	 * again. */
	if (r->read->value && !r->parking.expired &&
	    clock_mono() < r->parking.deadline) {
		value_unref(&r->read->value);
		r->step = STEP_LOOKUP;
		return STEP_MORE;
	}
	value_unref(&r->read->value);
	r->read->tier = TIER_NONE;
	if (r->read->failure != READ_OK)
		return STEP_MORE;
	bool behind = r->read->skipped & SKIP_PRIMARY_BEHIND;
	r->read->failure = r->read->way == LOOKUP_CACHES ? READ_UNCACHED
			   : behind			 ? READ_NOT_REACHED
							 : READ_UNAVAILABLE;
	return STEP_MORE;
}

/* --- the answer ---------------------------------------------------------- */

static void count_tier(struct request *r)
{
	struct api_metrics *m = r->thread->metrics;
	switch (r->read->tier) {
	case TIER_NONE:
		if (r->read->failure == READ_UNCACHED)
			metric_add(&m->read_uncached, 1);
		else if (r->read->failure != READ_REFUSED)
			metric_add(&m->read_failed, 1);
		return;
	case TIER_L1:
		metric_add(&m->read_l1, 1);
		return;
	case TIER_REDIS:
		metric_add(&m->read_redis, 1);
		return;
	case TIER_REPLICA:
		metric_add(&m->read_replica, 1);
		return;
	case TIER_PRIMARY:
		metric_add(&m->read_primary, 1);
		return;
	}
}

/* Is there room for the value? A value in L1 is counted there. */
static bool has_room(const struct request *r)
{
	httpd_holds(r->connection, r->read->value->len);
	return r->read->tier == TIER_L1 || !r->read->value->present ||
	       budget_keeps(&budget_answers, r->read->value->len);
}

/* Does the Link of the page fit? It repeats the filters. */
static bool link_fits(const struct request *r)
{
	const struct value_page *page = r->read->value->page;
	return page == NULL || page->next == NULL ||
	       header_budget_for_link(r, strlen(page->next));
}

static bool read_is_foreign(const struct request *r)
{
	const struct value *v = r->read->value;
	const char *owner = request_owner(r);
	if (v == NULL || !v->present)
		return r->read->failure == READ_TOO_LARGE;
	return !owner_has(
	    r->target.collection, v->doc, v->len, owner, strlen(owner));
}

/* To a caller who does not own it, a document is absent, and the answer says
 * nothing that an answer about an absent one would not say: no tier, no times,
 * and not whether the caches hold something for the key. */
static void read_narrow(struct request *r)
{
	struct read_op *op = r->read;
	if (read_is_foreign(r)) {
		version_t as_of = op->value ? op->value->as_of : 0;
		value_unref(&op->value);
		op->value = value_new(0, as_of, NULL, 0);
		op->failure = READ_OK;
	}
	if (op->value && op->value->present)
		return;
	op->reading = false;
	op->tier = TIER_NONE;
	if (op->value && op->way == LOOKUP_CACHES) {
		value_unref(&op->value);
		op->failure = READ_UNCACHED;
	}
}

static enum step_result read_group_too_large(struct request *r)
{
	char detail[160];
	snprintf(detail, sizeof detail,
	    "The group has more than %d documents, or more bytes than the "
	    "setting list.max_bytes allows. Name fewer collections.",
	    (int)LIST_GROUP);
	return answer_problem(r, PROBLEM_GROUP_TOO_LARGE, detail);
}

enum step_result read_answer_step(struct request *r)
{
	count_tier(r);
	if (r->right == RIGHT_OWN && r->read->list == NULL)
		read_narrow(r);
	if (r->read->failure != READ_OK && r->read->otherwise)
		return r->read->otherwise(r);
	switch (r->read->failure) {
	case READ_NOT_REACHED:
		return answer_problem(r, PROBLEM_POSITION_NOT_REACHED,
		    "The database is behind a known commit; it "
		    "catches up by itself.");
	case READ_UNCACHED:
		return answer_problem(r, PROBLEM_ONLY_IF_CACHED, NULL);
	case READ_UNAVAILABLE:
		return answer_problem(r, PROBLEM_STORE_UNAVAILABLE, NULL);
	case READ_TOO_LARGE:
		if (r->read->list)
			return read_group_too_large(r);
		return answer_problem(r, PROBLEM_ROW_TOO_LARGE,
		    "The row was not written through this API, or it was "
		    "written before the setting document.max_bytes was "
		    "lowered. Replace or delete it.");
	case READ_LATE:
		return answer_problem(r, PROBLEM_STORE_UNAVAILABLE,
		    "The list takes longer than the setting read.timeout "
		    "allows.");
	case READ_REFUSED:
		return answer_problem(r,
		    r->read->list->cursor ? PROBLEM_INVALID_CURSOR
					  : PROBLEM_INVALID_FILTER,
		    LIST_INCOMPARABLE);
	case READ_OK:
		break;
	}
	if (!has_room(r))
		return no_room(r);
	if (!link_fits(r))
		return answer_problem(r, PROBLEM_INVALID_FILTER,
		    "There is a next page, but the filters are too long for "
		    "the Link header: use fewer filter values or a higher "
		    "limit.");
	return r->route->surface->read(r);
}

/* A text that cannot be a key belongs to no row: the answer is "not found", and
 * no tier is asked. */
static enum step_result read_no_key(
    struct request *r, const char *key, size_t len)
{
	r->read->reading = true;
	r->read->way = LOOKUP_NONE;
	return r->route->surface->absent(r, key, len);
}

void read_enter(struct request *r)
{
	if (r->read == NULL)
		r->read = MEM_NEW(struct read_op);
}

bool read_release(struct request *r)
{
	if (r->read == NULL)
		return true;
	if (r->read->in_flight && !lookup_leave(r))
		return false;
	r->read->in_flight = false;
	export_free(&r->read->export);
	return true;
}

void read_free(struct request *r)
{
	struct read_op *op = r->read;
	if (op == NULL)
		return;
	value_unref(&op->value);
	list_query_unref(&op->list);
	free(op->after);
	free(op);
	r->read = NULL;
}

const struct feature read_feature = {
    .first = STEP_READ,
    .takes_query = true,
    .head = read_head,
    .enter = read_enter,
    .no_key = read_no_key,
    .describe = read_describe,
    .source = read_source,
    .trace = read_trace,
    .release = read_release,
    .free = read_free,
};
